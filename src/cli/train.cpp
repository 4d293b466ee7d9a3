#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "cli/commands.hpp"
#include "cli/gradient.hpp"
#include "cli/interrupt.hpp"
#include "cli/progress.hpp"
#include "cli/run_config.hpp"
#include "cli/run_samples.hpp"
#include "cli/tell.hpp"
#include "io/precision.hpp"
#include "io/run_results.hpp"
#include "turnpike/error.hpp"
#include "turnpike/exact_tail.hpp"
#include "turnpike/run_directory.hpp"

namespace turnpike::cli {

namespace {

constexpr double default_epsilon = 1;

std::int64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

/// The gradient at the trained control against differences of V, in double, on at most 128 samples; for
/// controls of more than a million entries in fewer directions, and for fields with kinks, on 16. Nothing for
/// such a control of a field with kinks: a thousand evaluations that confirm no gradient.
template <class T>
std::optional<GradientCheckReport> check_trained(const Experiment<T>& e, const Control<T>& u, Phases& phases,
                                                 const IntegratorRegistry& integrators) {
  const bool large = u.size() > 1000000;
  const bool kinks = !has_smooth_activations(e.config);
  if (large && kinks) {
    return std::nullopt;
  }
  Control<double> in_double(u.layout(), u.intervals());
  std::copy(u.values().begin(), u.values().end(), in_double.values().begin());
  const auto samples = cast<double>(first_samples(e.train, large || kinks ? Index{16} : Index{128}));
  GradientCheckOptions thoroughness;
  thoroughness.directions = large ? 1 : 2;
  thoroughness.coordinates = large ? 0 : 10;
  thoroughness.progress = differences_told_by(phases);
  return check_experiment(e.config, samples, in_double, thoroughness, integrators);
}

template <class T>
void print_outcome(const Experiment<T>& e, const std::string& scheme, const RunResults& results,
                   const TrainingResult& training, double seconds,
                   const std::optional<GradientCheckReport>& gradient) {
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
    fmt::print(
        "                 a sample spends {:.2f} layers farther than ε = {} from its minimizers, certified ≤ "
        "{}\n",
        s.measured_outside, s.epsilon, format_bound(results.certificate->sample.layers.sharp, 2));
    fmt::print("                 distance at the last layer: mean {:.4f}, largest {:.4f}\n",
               s.final_mean_distance, s.final_max_distance);
  } else {
    fmt::print(
        "turnpike         no distances and no certificate, because the plain cross-entropy has no "
        "minimizer\n");
  }
  fmt::print("cropping         {}\n", cropping_of(results).text());
  if (results.refinement) {
    fmt::print("refinement gap   {}\n", refinement_text(*results.refinement));
  }
  fmt::print(
      "gradient check   {}\n",
      gradient ? gradient->brief() : "none: of so large a field with kinks every difference passes one");
  fmt::print("training         {} epochs in {}\n", training.epoch, format_duration(seconds));
}

/// What the tail test says, for the terminal.
std::string tail_text(const TailTest& test, Index intervals) {
  return fmt::format(
      "{} of {} intervals active, ‖∇V‖ {:.2e}; another would pay at rate {:.2e} against 2r = {:.0e}, by b2 "
      "alone {:.1e}",
      test.active, intervals, test.gradient_norm, test.rate, 2 * test.r, test.gradient_gain);
}

std::string plugin_flags(const std::vector<std::string>& plugins) {
  std::string flags;
  for (const std::string& plugin : plugins) {
    flags += " --plugin " + plugin;
  }
  return flags;
}

/// What the exact tail of a finished training comes to.
struct TailReport {
  Index active = 0;
  Index intervals = 0;
  std::optional<TailTest> test;  ///< where there is a tail that can be tested

  [[nodiscard]] nlohmann::ordered_json json() const {
    nlohmann::ordered_json result = {{"active_intervals", active}};
    if (test) {
      result.update({{"gradient_norm", test->gradient_norm},
                     {"rate", test->rate},
                     {"rate_that_pays", 2 * test->r},
                     {"gradient_gain", test->gradient_gain},
                     {"pays", test->pays()}});
    }
    return result;
  }
  [[nodiscard]] std::string line() const {
    return test ? tail_text(*test, intervals) : fmt::format("{} of {} intervals active", active, intervals);
  }
};

/// Nothing for a training without an exact tail.
template <class T>
std::optional<TailReport> tail_report(const RunConfig& config, const GrowingTraining<T>& training) {
  if (!config.control.active_intervals) {
    return std::nullopt;
  }
  TailReport report{training.active(), training.intervals(), std::nullopt};
  if (report.active < report.intervals && has_tail_test(config)) {
    report.test = training.test();
  }
  return report;
}

/// What a command is asked for, and what it works with.
struct Request {
  bool json = false;
  const std::vector<std::string>& plugins;
  const IntegratorRegistry& integrators;
};

/// What follows a finished training: measurements, summary, report. Returns the exit status.
template <class T>
int conclude(const Experiment<T>& e, GrowingTraining<T>& training, const TrainingResult& result,
             const RunDirectory& run, const Request& request) {
  const IntegratorRegistry& integrators = request.integrators;
  const Control<T> u = followed_by_zeros(training.trainer().control(), training.intervals());
  const double seconds = training.trainer().seconds();
  const std::optional<TailReport> tail = tail_report(e.config, training);
  constexpr Index large = 100000;  // entries of a control with which what follows takes seconds
  auto phases = std::make_unique<Phases>(training.trainer().steps_per_epoch() > 1 || u.size() > large);
  RunResults results =
      analyse(e, u, integrators, default_epsilon, [&](const std::string& what) { phases->begin(what); });
  phases->begin("running the control with finer steps");
  results.refinement = measured_refinement(e, u, integrators);
  phases->begin("checking the gradient");
  const std::optional<GradientCheckReport> gradient = check_trained(e, u, *phases, integrators);
  phases->begin("drawing the report");
  nlohmann::ordered_json summary = summary_json(e.config, results);
  summary["epochs"] = result.epoch;
  summary["steps"] = result.steps;
  summary["seconds"] = seconds;
  summary["seconds_per_epoch"] = result.epoch > 0 ? seconds / static_cast<double>(result.epoch) : 0.0;
  summary["seconds_per_step"] = result.steps > 0 ? seconds / static_cast<double>(result.steps) : 0.0;
  summary["peak_memory_bytes"] = peak_memory_bytes();
  summary["gradient_check"] = gradient ? gradient_check_json(*gradient) : nlohmann::ordered_json();
  if (tail) {
    summary["exact_tail"] = tail->json();
  }
  run.write(run_file::layers, layer_table(results).csv());
  const ReportData data = report_data(e, u, results, MetricsFile::read(run), integrators);
  run.write(run_file::report, render_report(data));
  const std::string no_figures = write_figures(data, run.file(run_file::figures));
  run.write(run_file::summary, summary.dump(2) + "\n");  // last: it says that all the rest is there
  phases.reset();
  if (request.json) {
    fmt::print("{}\n", summary.dump(2));
  } else {
    print_outcome(e, scheme_text(e.config, integrators), results, result, seconds, gradient);
    if (tail) {
      fmt::print("exact tail       {}\n", tail->line());
    }
    fmt::print("run directory    {}\n", run.path().string());
    fmt::print("report           {}\n", run.file(run_file::report).string());
  }
  if (!no_figures.empty()) {
    tell("turnpike: {}\n", no_figures);
  }
  if (gradient && !gradient->passed && has_smooth_activations(e.config)) {
    tell("turnpike: the gradient check failed at the trained control; see `turnpike check-gradient {}{}`\n",
         run.path().string(), plugin_flags(request.plugins));
    return 1;
  }
  return 0;
}

GrowingTrainingOptions growing_options(const RunConfig& config) {
  GrowingTrainingOptions options;
  options.trainer = trainer_options(config);
  options.extend_by = config.control.extend_by;
  options.extend_every = config.control.extend_every;
  return options;
}

/// The configured training, with intervals that hold every state where more become active. `stop` ends
/// evaluations, too.
template <class T>
GrowingTraining<T> make_training(const Experiment<T>& e, const std::atomic<bool>& stop,
                                 const IntegratorRegistry& integrators) {
  ProblemDefinition<T> definition = make_definition<T>(e.config, e.train.class_count(), integrators);
  definition.active_intervals = e.config.control.active_intervals.value_or(0);
  definition.stop = &stop;
  RunConfig resting = e.config;
  resting.control.initialization = e.config.field.kind == "single-layer" ? "zero" : "second-layer-zero";
  return {definition, borrowed(e.train), initial_control(e.config, definition),
          [resting, definition] { return initial_control(resting, definition); }, growing_options(e.config)};
}

/// α(1) of the stage cost; 0 where it has none.
template <class T>
double certifying_alpha(const Experiment<T>& e) {
  const std::string& stage = e.config.cost.stage;
  if (stage == "soft-cross-entropy") {
    return soft_cross_entropy_minimizers(e.train.class_count(), e.config.cost.p_d)->bound(default_epsilon);
  }
  return stage == "quadratic" ? default_epsilon * default_epsilon : 0;
}

/// Takes up the checkpoint of `run`, or the beginning where it ended before the first one.
template <class T>
void restore(GrowingTraining<T>& training, const RunDirectory& run, std::int64_t checkpoint_every) {
  if (const std::optional<TrainerState<T>> state = read_checkpoint<T>(run)) {
    training.restore(*state);
    return;
  }
  const std::int64_t known = MetricsFile::last_epoch(run);
  if (known > checkpoint_every) {  // then there has been one
    throw InputError(
        fmt::format("'{}' is gone, but {} goes on to epoch {}; put it back, or train anew with --out",
                    run.file(run_file::state).string(), run.file(run_file::metrics).string(), known));
  }
  tell("turnpike: '{}' ended before its first checkpoint; it begins anew\n", run.path().string());
}

/// Trains; progress, metrics and checkpoints go with it. What a stopped or failed training leaves is on the
/// disk when this returns.
template <class T>
TrainingResult train_and_keep(const Experiment<T>& e, GrowingTraining<T>& training, const RunDirectory& run,
                              const std::atomic<bool>& stop) {
  const double alpha = certifying_alpha(e);
  MetricsFile metrics(run, training.trainer().epoch(), alpha);
  const std::int64_t per_epoch = training.trainer().steps_per_epoch();
  const std::int64_t epochs = e.config.optimizer.epochs;
  const bool by_steps = per_epoch > 1;
  Progress progress(by_steps ? training.trainer().steps() : training.trainer().epoch(),
                    by_steps ? epochs * per_epoch : epochs, alpha, *e.config.control.horizon);
  typename GrowingTraining<T>::Observers observers;
  observers.epoch = [&](const EpochMetrics& m) {
    metrics.add(m);
    if (!by_steps) {
      progress.show(m);
    }
    return true;
  };
  if (by_steps) {
    observers.step = [&](const StepMetrics& m) { progress.show(m); };
  }
  observers.test = [&](const TailTestOutcome& outcome) {
    progress.end();
    tell("epoch {}: {}\n", outcome.epoch,
         outcome.test ? tail_text(*outcome.test, training.intervals())
                      : fmt::format("{}; {} intervals stay active", outcome.failure, training.active()));
  };
  observers.settled = [&](std::int64_t epoch) {
    if (epoch % e.config.run.checkpoint_every == 0 || epoch == epochs) {
      metrics.flush();
      write_checkpoint(run, training.state());
    }
  };
  TrainingResult result = training.run(observers, stop);
  metrics.flush();
  // One that has finished is kept as it was before L-BFGS, which would go on from its own end.
  if (result.outcome == TrainingOutcome::interrupted) {
    write_checkpoint(run, training.state());
  }
  write_model(run.file(run_file::model), e.model_info(),
              followed_by_zeros(training.trainer().control(), training.intervals()));
  progress.end();
  return result;
}

std::string resume_command(const RunDirectory& run, const Request& request) {
  return fmt::format("turnpike resume {}{}", run.path().string(), plugin_flags(request.plugins));
}

/// Says how far a training came that a signal has stopped. Returns the exit status.
template <class T>
int stopped(GrowingTraining<T>& training, std::int64_t epochs, const RunDirectory& run,
            const Request& request) {
  const std::int64_t per_epoch = training.trainer().steps_per_epoch();
  const bool by_steps = per_epoch > 1;
  tell("turnpike: stopped after {} {} of {}; go on with `{}`\n", by_steps ? "step" : "epoch",
       by_steps ? training.trainer().steps() : training.trainer().epoch(),
       by_steps ? epochs * per_epoch : epochs, resume_command(run, request));
  return 130;
}

/// Trains from the beginning, or where it is `resumed` from its checkpoint, into the run that is given, and
/// held, by `open_run` once everything that the user could have got wrong has been checked.
template <class T, class OpenRun>
int run_training(const Experiment<T>& e, bool resumed, const Request& request, OpenRun&& open_run) {
  InterruptGuard interrupt;
  GrowingTraining<T> training = make_training(e, interrupt.requested(), request.integrators);
  const RunDirectory run = open_run();
  if (resumed) {
    restore(training, run, e.config.run.checkpoint_every);
  }
  const std::int64_t first = training.trainer().steps();
  const TrainingResult result = train_and_keep(e, training, run, interrupt.requested());
  if (result.outcome == TrainingOutcome::not_finite) {
    const char* const control = result.steps > first ? "last good" : first > 0 ? "checkpoint's" : "initial";
    tell("turnpike: training stopped in {}; the {} control is in {}\n", result.message, control,
         run.file(run_file::model).string());
    return 1;
  }
  // A signal that came too late to stop the training is meant for what follows.
  if (result.outcome == TrainingOutcome::interrupted || interrupt.requested()) {
    return stopped(training, e.config.optimizer.epochs, run, request);
  }
  interrupt.end_with(fmt::format("\nturnpike: stopped before the results were written; go on with `{}`\n",
                                 resume_command(run, request)));
  return conclude(e, training, result, run, request);
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
    warn_of_empty_classes(e.train);
    return run_training(e, false, {options.json, options.plugins, integrators}, [&] {
      RunDirectory run = options.out.empty() ? RunDirectory::create_next(std::filesystem::path("runs") /
                                                                         source_title(options.source, config))
                                             : RunDirectory::create(options.out);
      keep_fingerprint(run, e);
      run.write(run_file::environment, environment_json(e.config.run.threads));
      write_config(run, e.config);  // last: it says that there is a run to go on with
      return run;
    });
  });
}

int resume(const ResumeOptions& options, const IntegratorRegistry& integrators) {
  RunDirectory run = RunDirectory::open(options.run);
  run.hold();
  run.remove_leftovers();
  std::error_code error;
  if (std::filesystem::exists(run.file(run_file::summary), error)) {
    throw InputError(
        fmt::format("'{}' is finished already; see {}, or train anew with other epochs by --set "
                    "optimizer.epochs",
                    options.run, run.file(run_file::report).string()));
  }
  RunConfig config = read_config(run.file(run_file::config));
  demand_unchanged(run, config);
  if (options.threads > 0) {
    set_key(config, fmt::format("run.threads={}", options.threads));
  }
  if (!options.data.empty()) {
    move_data(config, options.data);
  }
  settle_precision(config, integrators);
  return with_precision(config, [&]<class T>() {
    const Experiment<T> e = load_experiment<T>(config);
    demand_same_samples(run, e);
    return run_training(e, true, {options.json, options.plugins, integrators}, [&] {
      if (!options.data.empty()) {
        write_config(run, e.config);  // where the samples are from now on
      }
      return run;
    });
  });
}

}  // namespace turnpike::cli
