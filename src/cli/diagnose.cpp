#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/run_samples.hpp"
#include "io/run_results.hpp"
#include "turnpike/error.hpp"
#include "turnpike/run_directory.hpp"

namespace turnpike::cli {

namespace {

std::string layer(const std::optional<Index>& k) { return k ? fmt::format("{}", *k) : std::string("none"); }

void print_layers(const RunResults& results) {
  const Measurement& m = results.train;
  const std::vector<double> rms = root_mean_square(m.distances);
  fmt::print("{:>5} {:>10} {:>12} {:>9} {:>12} {:>12} {:>12} {:>12}\n", "layer", "t", "loss", "accuracy",
             "dist median", "dist rms", "dist max", "‖u_k‖");
  for (std::size_t k = 0; k < m.times.size(); ++k) {
    fmt::print("{:>5} {:>10.4g} {:>12.4e} {:>9.4f}", k, m.times[k], m.loss[k], m.accuracy[k]);
    if (m.distances.empty()) {
      fmt::print(" {:>12} {:>12} {:>12}", "–", "–", "–");
    } else {
      fmt::print(" {:>12.4e} {:>12.4e} {:>12.4e}", quantile(m.distances[k], 0.5), rms[k],
                 quantile(m.distances[k], 1));
    }
    fmt::print(" {:>12}\n",
               k < results.control_norm.size() ? fmt::format("{:.4e}", results.control_norm[k]) : "");
  }
}

void print_summary(const TurnpikeSummary& s, std::size_t layers) {
  fmt::print("\nentry layer, mean loss stays below {}                 {}\n", entry_loss,
             layer(s.by_loss.entry));
  if (s.by_loss.leaving) {
    fmt::print("leaving arc from layer                                 {}\n", *s.by_loss.leaving);
  }
  fmt::print("entry layer, root mean square distance stays ≤ {:<6}  {}\n", s.epsilon,
             layer(s.by_distance.entry));
  fmt::print("#Q_ε, layers with root mean square distance ≤ {:<6}   {} of {}\n", s.epsilon, s.layers_inside,
             layers);
  fmt::print("layers a sample spends outside ε, mean                 {:.4f}\n", s.measured_outside);
  fmt::print("μ[Θ_ε], time a sample spends outside ε: mean, largest  {:.4f}, {:.4f}\n", s.theta_measure,
             s.theta_measure_max);
  fmt::print("distance at the last layer: mean, largest              {:.4f}, {:.4f}\n", s.final_mean_distance,
             s.final_max_distance);
}

}  // namespace

int diagnose(const DiagnoseOptions& options, const IntegratorRegistry& integrators) {
  if (!(options.epsilon > 0) || !std::isfinite(options.epsilon)) {
    throw InputError(fmt::format("--epsilon {}; give a finite number above 0", options.epsilon));
  }
  const StoredModel model = load_model(options.model);
  ModelInfo info = model_info(model, options.overrides);
  settle_precision(info.config, integrators);
  const RunResults results = with_precision(info.config, [&]<class T>() {
    const Experiment<T> e = load_experiment<T>(info, options.overrides.data);
    return analyse(e, model.control(make_definition<T>(e.config, e.train.class_count(), integrators)),
                   integrators, options.epsilon);
  });
  if (options.json) {
    nlohmann::ordered_json summary = summary_json(info.config, results);
    summary["layer_table"] = layer_table(results).json();
    fmt::print("{}\n", summary.dump(2));
    return 0;
  }
  print_layers(results);
  if (results.turnpike) {
    print_summary(*results.turnpike, results.control_norm.size());
  } else {
    fmt::print("\nThe plain cross-entropy has no minimizer, so there are no distances to measure.\n");
  }
  return 0;
}

int report(const ReportOptions& options, const IntegratorRegistry& integrators) {
  const RunDirectory run = RunDirectory::open(options.run);
  StoredModel model = load_model(options.run);
  if (!options.data.empty()) {
    move_data(model.info.config, options.data);
  }
  const ReportData data = with_precision(model.info.config, [&]<class T>() {
    const Experiment<T> e = load_experiment<T>(model.info);
    if (!options.data.empty()) {
      demand_same_samples(run, e);
    }
    const Control<T> u = model.control(make_definition<T>(e.config, e.train.class_count(), integrators));
    const RunResults results = analyse(e, u, integrators, 1);
    return report_data(e, u, results, MetricsFile::read(run), integrators);
  });
  run.write("report.html", render_report(data));
  const std::string no_figures = write_figures(data, run.file("figures"));
  fmt::print("{}\n", run.file("report.html").string());
  if (!no_figures.empty()) {
    fmt::print(stderr, "turnpike: {}\n", no_figures);
  }
  return 0;
}

}  // namespace turnpike::cli
