#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/commands.hpp"
#include "cli/progress.hpp"
#include "cli/run_config.hpp"
#include "cli/run_samples.hpp"
#include "cli/tell.hpp"
#include "io/precision.hpp"
#include "io/run_results.hpp"
#include "study/study.hpp"
#include "study/study_report.hpp"
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

void print_refinement(const RefinementGap& gap) {
  fmt::print("\n{:<34} {:>12} {:>14} {:>10}\n", fmt::format("on {} samples", gap.samples), "objective",
             "terminal loss", "accuracy");
  const auto print = [](const RefinedRun& run) {
    if (run.failure.empty()) {
      fmt::print("{:<34} {:>12.6g} {:>14.6g} {:>8.2f} %\n", run.scheme, run.objective, run.terminal_loss,
                 100 * run.accuracy);
    } else {
      fmt::print("{:<34} {}\n", run.scheme, run.failure);
    }
  };
  print(gap.own);
  for (const RefinedRun& run : gap.finer) {
    print(run);
  }
  if (gap.converged) {
    print(*gap.converged);
  }
  fmt::print("refinement gap: {}\n", refinement_text(gap));
}

std::string bound(double value) { return format_bound(value, 2); }

std::string row(const Certified& c) {
  const std::string ratio = c.measured > 0 ? bound(c.sharp / c.measured) : std::string("–");
  return fmt::format(" {:>9.2f} {:>9} {:>9} {:>9}", c.measured, bound(c.sharp), ratio, bound(c.plain));
}

/// Measured beside certified, level by level, then the ways to measure at the level asked for.
void print_certificates(const RunResults& results, const std::string& stage_cost) {
  fmt::print(
      "\nCertified from the losses alone, for this control, optimal or not. Layers and time that a sample\n"
      "spends outside ε, mean: measured, sharp bound Σ min(1, ℓ/α*(ε)), their ratio, plain bound Σ "
      "ℓ/α*(ε).\n");
  fmt::print("{:>28} {:>10} {:>39}   {:>39}\n", "ε", "α*(ε)", "layers", "time");
  for (const Certificate& c : results.ladder) {
    fmt::print("{:>27} {:>10.4g}{}  {}\n", c.epsilon, c.sample.alpha, row(c.sample.layers),
               row(c.sample.time));
  }
  const Certificate& c = *results.certificate;
  fmt::print("\nThe same at ε = {} for other distances:\n", c.epsilon);
  const auto print = [](const char* name, const CertifiedDistance& d) {
    fmt::print("{:<26} {:>10.4g}{}  {}\n", name, d.alpha, row(d.layers), row(d.time));
  };
  print("of each sample", c.sample);
  print("root mean square", c.root_mean_square);
  print("… with the control", c.root_mean_square_with_control);
  print("stacked, √D times larger", c.stacked);
  print("… with the control", c.stacked_with_control);
  const auto least = std::min_element(results.slack->least.begin(), results.slack->least.end());
  fmt::print("\nleast dissipation slack ℓ(x_d) − α*(dist_d)             {:.3e} (layer {})\n", *least,
             least - results.slack->least.begin());
  if (results.reachability) {
    const Envelope& e = results.reachability->layers;
    fmt::print("envelope dist(z_k) ≤ β ρ^k over the {} observed layers   β = {:.4g}, ρ = {:.4g}, V̂ = {}\n",
               results.control_norm.size(), e.beta, e.rho, bound(e.value_bound));
    fmt::print("Prop. 12, V̂/α(ε): a sample's layers, stacked            {}, {}\n",
               bound(e.value_bound / c.sample.alpha), bound(e.value_bound / c.stacked_with_control.alpha));
    const Envelope& t = results.reachability->time;
    fmt::print("envelope dist(z(t)) ≤ β exp(−ρt) on the observed horizon β = {:.4g}, ρ = {:.4g}, V̂ = {}\n",
               t.beta, t.rho, bound(t.value_bound));
    fmt::print("Prop. 16, V̂/α(ε): a sample's time, stacked              {}, {}\n",
               bound(t.value_bound / c.sample.alpha), bound(t.value_bound / c.stacked_with_control.alpha));
  } else {
    fmt::print(
        "no envelope and no bounds of Prop. 12 and 16: they take cost.stage = soft-cross-entropy, not {}\n",
        stage_cost);
  }
}

/// Table 1 of the paper by computation. Returns the exit status: 1 when it comes out otherwise.
int print_table_1(Index classes, double p_d, bool json) {
  constexpr std::int64_t pairs = 1000000;
  const std::vector<StageCostRow> rows = table_1(classes, p_d, pairs, 1);
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  if (!json) {
    fmt::print("Strict dissipativity of the stage costs ℓ(x) + r‖u‖² for C = {}, p_d = {} (Table 1)\n",
               classes, p_d);
  }
  for (const StageCostRow& row : rows) {
    nlohmann::ordered_json entry = {
        {"stage_cost", row.stage_cost}, {"strict", row.strict}, {"evidence", row.evidence}};
    if (row.pairs > 0) {
      entry["pairs"] = row.pairs;
      entry["least_slack"] = row.least_slack;
    }
    for (const StageCostRow::Witness& w : row.witness) {
      entry["witness"].push_back({{"s", w.s}, {"loss", w.loss}});
    }
    list.push_back(entry);
    if (!json) {
      fmt::print("\n{:<20} {}\n    {}\n", row.stage_cost, row.strict ? "yes" : "not with α of class K∞",
                 row.evidence);
      for (const StageCostRow::Witness& w : row.witness) {
        fmt::print("    s = {:>5}   ℓ = {:.6e}\n", w.s, w.loss);
      }
    }
  }
  if (json) {
    fmt::print("{}\n", list.dump(2));
  }
  return rows[0].strict && !rows[1].strict && rows[2].strict ? 0 : 1;
}

}  // namespace

int diagnose(const DiagnoseOptions& options, const IntegratorRegistry& integrators) {
  if (!(options.epsilon > 0) || !std::isfinite(options.epsilon)) {
    throw InputError(fmt::format("--epsilon {}; give a finite number above 0", options.epsilon));
  }
  if (options.model.empty()) {
    if (!options.table_1) {
      throw InputError("diagnose needs a run directory or model file, or --table1");
    }
    if (!options.overrides.keys.empty() || !options.overrides.data.empty()) {
      throw InputError(
          "without a model --table1 is for two classes and p_d = 0.95; give a model, or leave --set and "
          "--data away");
    }
    const RunConfig config;
    return print_table_1(2, config.cost.p_d, options.json);
  }
  const StoredModel model = load_model(options.model);
  ModelInfo info =
      model_info(model, options.overrides, options.table_1 ? ModelUse::classes : ModelUse::states);
  if (options.table_1) {
    return print_table_1(static_cast<Index>(info.classes.size()), info.config.cost.p_d, options.json);
  }
  settle_precision(info.config, integrators);
  const RunResults results = with_precision(info.config, [&]<class T>() {
    const Experiment<T> e = load_experiment<T>(info, options.overrides.data);
    const Control<T> u = model.control(make_definition<T>(e.config, e.train.class_count(), integrators));
    RunResults measured = analyse(e, u, integrators, options.epsilon);
    measured.refinement = measured_refinement(e, u, integrators);
    return measured;
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
    print_certificates(results, info.config.cost.stage);
  } else {
    fmt::print(
        "\nThe plain cross-entropy has no minimizer, so there are no distances to measure or to certify.\n");
  }
  fmt::print("\n{}\n", cropping_of(results).text());
  print_refinement(*results.refinement);
  return 0;
}

int report(const ReportOptions& options, const IntegratorRegistry& integrators) {
  RunDirectory run = RunDirectory::open(options.run);
  run.hold();
  const std::string study = options.study.empty() ? "" : study_page(read_study(options.study)).dump();
  StoredModel model = load_model(options.run);
  if (!options.data.empty()) {
    move_data(model.info.config, options.data);
  }
  ReportData data = with_precision(model.info.config, [&]<class T>() {
    const Experiment<T> e = load_experiment<T>(model.info);
    if (!options.data.empty()) {
      demand_same_samples(run, e);
    }
    const Control<T> u = model.control(make_definition<T>(e.config, e.train.class_count(), integrators));
    if (!options.data.empty()) {  // where the samples are from now on
      write_model(model.file, e.model_info(), u);
      write_place(run, options.data);
    }
    RunResults results = analyse(e, u, integrators, 1);
    results.refinement = measured_refinement(e, u, integrators);
    return report_data(e, u, results, MetricsFile::read(run), integrators);
  });
  data.study = study;
  run.write(run_file::report, render_report(data));
  const std::string no_figures = write_figures(data, run.file(run_file::figures));
  fmt::print("{}\n", run.file(run_file::report).string());
  if (!no_figures.empty()) {
    tell("turnpike: {}\n", no_figures);
  }
  return 0;
}

}  // namespace turnpike::cli
