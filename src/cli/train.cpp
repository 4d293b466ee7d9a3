#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "cli/commands.hpp"
#include "cli/gradient.hpp"
#include "cli/interrupt.hpp"
#include "cli/progress.hpp"
#include "io/run_results.hpp"
#include "turnpike/error.hpp"
#include "turnpike/run_directory.hpp"

namespace turnpike::cli {

namespace {

constexpr double default_epsilon = 1;

std::int64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

/// The gradient at the trained control against differences of V, in double, on at most 128 samples.
template <class T>
GradientCheckReport check_trained(const Experiment<T>& e, const Control<double>& u,
                                  const IntegratorRegistry& integrators) {
  constexpr Index most_samples = 128;
  const Dataset<double> samples = cast<double>(first_samples(e.train, most_samples));
  return check_experiment(e.config, samples, u, {.directions = 2, .coordinates = 10}, integrators);
}

template <class T>
Control<double> in_double(const Control<T>& u) {
  Control<double> cast(u.layout(), u.intervals());
  std::copy(u.values().begin(), u.values().end(), cast.values().begin());
  return cast;
}

template <class T>
void print_outcome(const Experiment<T>& e, const std::string& scheme, const RunResults& results,
                   const TrainingResult& training, double seconds, const GradientCheckReport& gradient) {
  const Objective& V = results.train.objective;
  fmt::print("{} training samples, {} classes, {} layers, {}\n", e.train.size(), e.train.class_count(),
             e.config.control.intervals, scheme);
  fmt::print("accuracy         train {:.2f} %", 100 * results.train.accuracy.back());
  if (results.test) {
    fmt::print(", test {:.2f} %", 100 * results.test->accuracy.back());
  }
  fmt::print("\nobjective        V = {} = running {} + control {} + terminal {}\n", format_cost(V.total(), 4),
             format_cost(V.running, 4), format_cost(V.control, 4), format_cost(V.terminal, 4));
  if (results.turnpike) {
    const TurnpikeSummary& s = *results.turnpike;
    if (s.by_loss.entry) {
      fmt::print("turnpike         entered at layer {} of {}: from there on the mean loss stays below {}\n",
                 *s.by_loss.entry, e.config.control.intervals, entry_loss);
    } else {
      fmt::print("turnpike         never entered: the mean loss does not stay below {}\n", entry_loss);
    }
    fmt::print("                 a sample spends {:.2f} layers farther than ε = {} from its minimizers\n",
               s.measured_outside, s.epsilon);
    fmt::print("                 distance at the last layer: mean {:.4f}, largest {:.4f}\n",
               s.final_mean_distance, s.final_max_distance);
  }
  fmt::print(
      "gradient check   {}{}\n", gradient.brief(),
      has_smooth_activations(e.config) ? "" : " (differences across a kink disagree with any gradient)");
  fmt::print("training         {} epochs in {}\n", training.epoch, format_duration(seconds));
}

std::string plugin_flags(const std::vector<std::string>& plugins) {
  std::string flags;
  for (const std::string& plugin : plugins) {
    flags += " --plugin " + plugin;
  }
  return flags;
}

/// What follows a finished training: measurements, summary, report. Returns the exit status.
template <class T>
int conclude(const Experiment<T>& e, const Control<T>& u, const TrainingResult& training, double seconds,
             const RunDirectory& run, bool json, const std::vector<std::string>& plugins,
             const IntegratorRegistry& integrators) {
  const RunResults results = analyse(e, u, integrators, default_epsilon);
  const GradientCheckReport gradient = check_trained(e, in_double(u), integrators);
  nlohmann::ordered_json summary = summary_json(e.config, results);
  summary["epochs"] = training.epoch;
  summary["steps"] = training.steps;
  summary["seconds"] = seconds;
  summary["seconds_per_epoch"] = training.epoch > 0 ? seconds / static_cast<double>(training.epoch) : 0.0;
  summary["seconds_per_step"] = training.steps > 0 ? seconds / static_cast<double>(training.steps) : 0.0;
  summary["peak_memory_bytes"] = peak_memory_bytes();
  summary["gradient_check"] = gradient_check_json(gradient);
  run.write("layers.csv", layer_table(results).csv());
  const ReportData data = report_data(e, u, results, MetricsFile::read(run), integrators);
  run.write("report.html", render_report(data));
  const std::string no_figures = write_figures(data, run.file("figures"));
  run.write("summary.json", summary.dump(2) + "\n");  // last: it says that all the rest is there
  if (json) {
    fmt::print("{}\n", summary.dump(2));
  } else {
    print_outcome(e, scheme_text(e.config, integrators), results, training, seconds, gradient);
    fmt::print("run directory    {}\n", run.path().string());
    fmt::print("report           {}\n", run.file("report.html").string());
  }
  if (!no_figures.empty()) {
    fmt::print(stderr, "turnpike: {}\n", no_figures);
  }
  if (!gradient.passed && has_smooth_activations(e.config)) {
    fmt::print(
        stderr,
        "turnpike: the gradient check failed at the trained control; see `turnpike check-gradient {}{}`\n",
        run.path().string(), plugin_flags(plugins));
    return 1;
  }
  return 0;
}

/// Trains from the beginning, or from `checkpoint`, into `run`, which is made by `open_run` once everything
/// that the user could have got wrong has been checked.
template <class T, class OpenRun>
int run_training(const Experiment<T>& e, bool resumed, bool json, const std::vector<std::string>& plugins,
                 const IntegratorRegistry& integrators, OpenRun&& open_run) {
  const ProblemDefinition<T> definition = make_definition<T>(e.config, e.train.class_count(), integrators);
  OptimalControlProblem<T> problem(definition, e.train);
  Trainer<T> trainer(problem, initial_control(e.config, definition), trainer_options(e.config));
  const RunDirectory run = open_run();
  if (resumed) {
    trainer.restore(read_checkpoint<T>(run));
  }
  MetricsFile metrics(run, trainer.epoch());

  TrainingResult result;
  {
    const InterruptGuard interrupt;
    Progress progress(trainer.epoch(), e.config.optimizer.epochs);
    const auto observe = [&](const EpochMetrics& m) {
      metrics.add(m);
      progress.show(m);
      if (m.epoch % e.config.run.checkpoint_every == 0 || m.epoch == e.config.optimizer.epochs) {
        metrics.flush();
        write_checkpoint(run, trainer.state());
      }
      return true;
    };
    result = trainer.run(observe, interrupt.requested());
    progress.end();
    metrics.flush();
  }
  if (result.outcome != TrainingOutcome::not_finite) {
    write_checkpoint(run, trainer.state());
  }
  write_model(run.file("model.safetensors"), e.model_info(), trainer.control());
  switch (result.outcome) {
    case TrainingOutcome::interrupted:
      fmt::print(stderr, "turnpike: stopped after epoch {} of {}; go on with `turnpike resume {}{}`\n",
                 result.epoch, e.config.optimizer.epochs, run.path().string(), plugin_flags(plugins));
      return 130;
    case TrainingOutcome::not_finite:
      fmt::print(stderr, "turnpike: training stopped in {}; the {} control is in {}\n", result.message,
                 result.steps == 0 ? "initial" : "last good", run.file("model.safetensors").string());
      return 1;
    case TrainingOutcome::finished:
      break;
  }
  return conclude(e, trainer.control(), result, trainer.seconds(), run, json, plugins, integrators);
}

/// The configuration as the run was begun, beside config.toml, which its owner may edit.
constexpr const char* begun_with = "checkpoint/config.toml";

/// Throws InputError when `config` is not what `run` was begun with: half of the training would be another
/// one.
void demand_unchanged(const RunDirectory& run, const RunConfig& config) {
  std::error_code error;
  if (!std::filesystem::exists(run.file(begun_with), error)) {
    return;  // begun by an older version
  }
  const auto begun = nlohmann::json::parse(to_json(read_config(run.file(begun_with)))).flatten();
  const auto now = nlohmann::json::parse(to_json(config)).flatten();
  for (const auto& [key, value] : begun.items()) {
    const bool matters = key != "/run/threads" && key != "/run/checkpoint_every";
    if (matters && now.value(key, nlohmann::json()) != value) {
      std::string name = key.substr(1);
      std::replace(name.begin(), name.end(), '/', '.');
      throw InputError(fmt::format(
          "'{}' has {} = {} where the run was begun with {}; undo the change, or train anew",
          run.file("config.toml").string(), name, now.value(key, nlohmann::json()).dump(), value.dump()));
    }
  }
}

void print_keys() {
  for (const ConfigKeyInfo& key : config_keys()) {
    fmt::print("{}  ({}; default {})\n    {}\n", key.name, key.type, key.fallback, key.text);
  }
}

}  // namespace

int train(const TrainOptions& options, const IntegratorRegistry& integrators) {
  if (options.help_keys) {
    print_keys();
    return 0;
  }
  if (options.source.empty()) {
    throw InputError(fmt::format("train needs a source: {}, or a configuration file that ends in .toml",
                                 fmt::join(recipe_names(), ", ")));
  }
  RunConfig config = source_config(options.source, options.overrides);
  settle_precision(config, integrators);
  return with_precision(config, [&]<class T>() {
    const Experiment<T> e = load_experiment<T>(config);
    return run_training(e, false, options.json, options.plugins, integrators, [&] {
      RunDirectory run = options.out.empty() ? RunDirectory::create_next(std::filesystem::path("runs") /
                                                                         source_title(options.source, config))
                                             : RunDirectory::create(options.out);
      run.write("config.toml", to_toml(e.config));
      run.write(begun_with, to_toml(e.config));
      run.write("environment.json", environment_json(e.config.run.threads));
      return run;
    });
  });
}

int resume(const ResumeOptions& options, const IntegratorRegistry& integrators) {
  RunDirectory run = RunDirectory::open(options.run);
  std::error_code error;
  if (std::filesystem::exists(run.file("summary.json"), error)) {
    throw InputError(
        fmt::format("'{}' is finished already; see {}, or train anew with other epochs by --set "
                    "optimizer.epochs",
                    options.run, run.file("report.html").string()));
  }
  RunConfig config = read_config(run.file("config.toml"));
  demand_unchanged(run, config);
  if (options.threads > 0) {
    set_key(config, fmt::format("run.threads={}", options.threads));
  }
  settle_precision(config, integrators);
  return with_precision(config, [&]<class T>() {
    const Experiment<T> e = load_experiment<T>(config);
    return run_training(e, true, options.json, options.plugins, integrators, [&] { return run; });
  });
}

}  // namespace turnpike::cli
