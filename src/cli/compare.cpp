#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.hpp"
#include "cli/interrupt.hpp"
#include "cli/progress.hpp"
#include "cli/tell.hpp"
#include "comparison/comparison_report.hpp"
#include "turnpike/error.hpp"

namespace turnpike::cli {

namespace {

namespace fs = std::filesystem;

/// The experiment that is compared on, and a control.
struct Subject {
  std::string title;
  std::string control;  ///< whose it is
  Experiment<double> experiment;
  std::optional<StoredModel> model;

  [[nodiscard]] Control<double> make_control(const IntegratorRegistry& integrators) const {
    // Any scheme will do: the control does not depend on it.
    RunConfig config = experiment.config;
    config.integrator = {};
    if (config.control.initialization != "contractive") {
      config.control.initialization = "uniform";
    }
    const ProblemDefinition<double> definition =
        make_definition<double>(config, experiment.train.class_count(), integrators);
    return model ? model->control(definition) : initial_control(config, definition);
  }
};

Subject load_subject(const std::string& name, const Overrides& overrides, ModelUse use) {
  Subject subject;
  if (names_model(name)) {
    subject.model = load_model(name);
    subject.experiment = load_experiment<double>(model_info(*subject.model, overrides, use), overrides.data);
    subject.title = name;
    subject.control = fmt::format("{}, trained with {}", subject.model->file.string(),
                                  subject.model->info.config.integrator.name);
  } else {
    const RunConfig config = source_config(name, overrides);
    subject.experiment = load_experiment<double>(config);
    subject.title = source_title(name, config);
    subject.control = config.control.initialization == "contractive" ? "contractive, by control.stiffness"
                                                                     : "uniform random, by run.seed";
  }
  subject.experiment = small_experiment(std::move(subject.experiment));
  return subject;
}

/// The key and the values of --over control.stiffness=3,30,300.
std::pair<std::string, std::vector<std::string>> split_over(const std::string& over) {
  const std::size_t equals = over.find('=');
  std::vector<std::string> values;
  for (std::size_t at = equals; at != std::string::npos && at < over.size();) {
    const std::size_t comma = over.find(',', at + 1);
    values.push_back(over.substr(at + 1, comma == std::string::npos ? comma : comma - at - 1));
    at = comma;
  }
  const bool numbers = std::all_of(values.begin(), values.end(), [](const std::string& value) {
    char* end = nullptr;
    const double number = std::strtod(value.c_str(), &end);
    return !value.empty() && *end == '\0' && std::isfinite(number);
  });
  if (values.size() < 2 || equals == 0 || !numbers) {
    throw InputError(fmt::format(
        "--over {}: write section.key=number,number,…, e.g. --over control.stiffness=3,30,300", over));
  }
  return {over.substr(0, equals), values};
}

ComparisonSweep sweep(const CompareOptions& options, const IntegratorRegistry& integrators) {
  const auto [key, values] = split_over(options.over);
  ComparisonSweep result;
  result.key = key;
  std::vector<std::pair<Subject, std::vector<ComparedScheme>>> subjects;
  for (const std::string& value : values) {  // all are looked at before the work begins
    Overrides overrides = options.overrides;
    overrides.keys.push_back(fmt::format("{}={}", key, value));
    Subject subject = load_subject(options.subject, overrides, ModelUse::gradients);
    std::vector<ComparedScheme> schemes =
        compared_schemes(subject.experiment.config, options.integrators, integrators);
    subjects.emplace_back(std::move(subject), std::move(schemes));
    result.values.push_back(std::stod(value));
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto& [subject, schemes] = subjects[i];
    tell("{} = {}\n", key, values[i]);
    const Comparison comparison(subject.experiment, subject.make_control(integrators), integrators);
    result.rows.emplace_back();
    for (const ComparedScheme& scheme : schemes) {
      result.rows.back().push_back(comparison.measure(scheme));
    }
  }
  return result;
}

void print_rows(const std::vector<SchemeRow>& rows) {
  fmt::print("{:<26} {:>5} {:>8} {:>13} {:>9} {:>8} {:>8} {:>8} {:>8} {:>8} {:>7} {:>11}\n", "scheme",
             "order", "spurious", "V", "accuracy", "state", "cost", "gradient", "evals", "products", "solves",
             "ms/gradient");
  for (const SchemeRow& row : rows) {
    const Objective& V = row.solution.objective;
    const std::string spurious =
        std::isfinite(row.traits.spurious_from) ? fmt::format("{:.3g}", row.traits.spurious_from) : "never";
    if (!V.status.ok()) {
      fmt::print("{:<26} {:>5} {:>8} failed: {}\n", row.entry, row.traits.order, spurious,
                 V.status.message());
      continue;
    }
    fmt::print(
        "{:<26} {:>5} {:>8} {:>13.8g} {:>7.2f} % {:>8.1e} {:>8.1e} {:>8.1e} {:>8.6g} {:>8.6g} {:>7.5g} "
        "{:>11.3f}\n",
        row.entry, row.traits.order, spurious, V.total(), 100 * row.solution.accuracy, row.errors.state,
        row.errors.cost, row.errors.gradient, row.work.evaluations, row.work.products, row.work.solves,
        1e3 * row.seconds);
  }
}

void print_ladders(const std::vector<WorkPrecision>& ladders) {
  const auto observed = [](const std::optional<double>& order) {
    return order ? fmt::format("{:.2f}", *order) : std::string("-");
  };
  fmt::print("\nobserved order     {:<18} {:>8} {:>8} {:>8} {:>8}\n", "", "declared", "state", "cost",
             "gradient");
  for (const WorkPrecision& l : ladders) {
    if (l.tolerance) {
      fmt::print("                   {:<18} by its tolerance, {} points\n", l.scheme, l.points.size());
    } else {
      fmt::print("                   {:<18} {:>8} {:>8} {:>8} {:>8}\n", l.scheme, l.order,
                 observed(l.state_order), observed(l.cost_order), observed(l.gradient_order));
    }
  }
}

std::string cell_text(const ExchangeCell& cell) {
  return cell.failure.empty()
             ? fmt::format("{:.1f} % {}", 100 * cell.accuracy, format_cost(cell.objective, 3))
             : std::string("failed");
}

void print_exchange(const std::vector<TrainedScheme>& trained) {
  fmt::print("\ntrained with (rows), run with (columns): accuracy and V\n{:<26}", "");
  for (const ExchangeCell& cell : trained.front().cells) {
    fmt::print(" {:>18}", cell.entry);
  }
  fmt::print(" {:>9}\n", "seconds");
  for (const TrainedScheme& t : trained) {
    fmt::print("{:<26}", t.entry);
    for (const ExchangeCell& cell : t.cells) {
      fmt::print(" {:>18}", cell_text(cell));
    }
    fmt::print(" {:>9.1f}\n", t.seconds);
  }
  for (const TrainedScheme& t : trained) {
    if (t.result.outcome == TrainingOutcome::not_finite) {
      fmt::print("{}: stopped in {}\n", t.entry, t.result.message);
    }
  }
  fmt::print("\nrefinement gap: the same control with finer steps of its own, and converged\n");
  for (const TrainedScheme& t : trained) {
    fmt::print("{:<26}", t.entry);
    for (const ExchangeCell& cell : t.refinement) {
      fmt::print("  {}: {}", cell.entry, cell_text(cell));
    }
    fmt::print("\n");
  }
}

void print_sweep(const ComparisonSweep& s) {
  fmt::print("milliseconds of a value and gradient, errors of state and gradient, over {}\n{:<34}", s.key,
             "");
  for (const double value : s.values) {
    fmt::print(" {:>26}", value);
  }
  fmt::print("\n");
  for (std::size_t i = 0; i < s.rows.front().size(); ++i) {
    fmt::print("{:<34}", s.rows.front()[i].entry);
    for (const std::vector<SchemeRow>& rows : s.rows) {
      const SchemeRow& row = rows[i];
      fmt::print(" {:>26}", row.solution.objective.status.ok()
                                ? fmt::format("{:.2f}, {:.1e}, {:.1e}", 1e3 * row.seconds, row.errors.state,
                                              row.errors.gradient)
                                : std::string("failed"));
    }
    fmt::print("\n");
  }
}

void print_results(const ComparisonResults& results) {
  fmt::print("control    {}\n", results.control);
  if (results.reference) {
    const ReferenceSolution& r = *results.reference;
    fmt::print(
        "reference  {}: V = {:.10g}, accuracy {:.2f} %; {} agrees to {:.0e} in state, {:.0e} in cost, "
        "{:.0e} in gradient\n{}\n",
        r.scheme, r.solution.objective.total(), 100 * r.solution.accuracy, r.second_scheme, r.apart.state,
        r.apart.cost, r.apart.gradient,
        r.limited_by_kinks
            ? "           the field's kinks limit the order of every scheme; errors below this "
              "agreement say nothing\n"
            : "");
    print_rows(results.rows);
  }
  if (!results.work_precision.empty()) {
    print_ladders(results.work_precision);
  }
  if (!results.trained.empty()) {
    print_exchange(results.trained);
  }
  if (results.sweep) {
    print_sweep(*results.sweep);
  }
}

/// Makes the directory that results go to. Throws InputError when it holds any already or cannot be made.
void make_output(const std::string& out) {
  std::error_code error;
  if (fs::exists(fs::path(out), error) && !fs::is_empty(out, error)) {
    throw InputError(fmt::format("'{}' exists already; choose another with --out", out));
  }
  fs::create_directories(out, error);
  if (error) {
    throw InputError(fmt::format("the directory '{}' cannot be created: {}; choose another with --out", out,
                                 error.message()));
  }
}

}  // namespace

int compare(const CompareOptions& options, const IntegratorRegistry& integrators) {
  if (options.integrators.empty()) {
    throw InputError(
        "compare needs --integrators, a list such as explicit-euler,rk4:substeps=16,dopri5:rtol=1e-8");
  }
  const bool sets_scheme =
      std::any_of(options.overrides.keys.begin(), options.overrides.keys.end(),
                  [](const std::string& key) { return key.rfind("integrator.", 0) == 0; });
  if (!options.overrides.integrator.empty() || !options.overrides.adjoint.empty() || sets_scheme ||
      options.over.rfind("integrator.", 0) == 0) {
    throw InputError(
        "compare takes schemes and their options from --integrators alone; write NAME:option=value there, "
        "e.g. "
        "rk4:substeps=16");
  }
  refuse_precision(options.overrides, "compare");
  if (!options.over.empty() && (options.work_precision || options.train)) {
    throw InputError("--over goes with neither --work-precision nor --train; call compare twice");
  }
  const Subject subject = load_subject(options.subject, options.overrides,
                                       options.train ? ModelUse::trained_anew : ModelUse::gradients);
  const std::vector<ComparedScheme> schemes =
      compared_schemes(subject.experiment.config, options.integrators, integrators);
  if (options.train) {
    for (const ComparedScheme& scheme : schemes) {
      (void)make_definition<double>(scheme.config, subject.experiment.train.class_count(), integrators);
    }
  }
  if (!options.out.empty()) {
    make_output(options.out);
  }

  ComparisonResults results;
  results.title = subject.title;
  results.control = subject.control;
  bool stopped = false;
  if (!options.over.empty()) {
    results.sweep = sweep(options, integrators);
  } else {
    const Comparison comparison(subject.experiment, subject.make_control(integrators), integrators);
    results.reference = comparison.reference();
    for (const ComparedScheme& scheme : schemes) {
      results.rows.push_back(comparison.measure(scheme));
    }
    for (std::size_t i = 0; options.work_precision && i < schemes.size(); ++i) {
      results.work_precision.push_back(comparison.work_precision(schemes[i]));
    }
    if (options.train) {
      const InterruptGuard interrupt;
      std::string current;
      std::optional<Progress> progress;
      results.trained = train_and_exchange(
          subject.experiment, schemes, integrators,
          [&](const std::string& entry, const EpochMetrics& metrics) {
            if (entry != current) {
              current = entry;
              if (progress) {
                progress->end();
              }
              tell("training with {}\n", entry);
              progress.emplace(0, subject.experiment.config.optimizer.epochs);
            }
            progress->show(metrics);
          },
          interrupt.requested());
      if (progress) {
        progress->end();
      }
      stopped = interrupt.requested().load();
      results.interrupted = stopped;
    }
  }

  const std::string no_figures = options.out.empty() ? "" : write_comparison(results, options.out);
  if (options.json) {
    fmt::print("{}\n", comparison_json(results).dump(2));
  } else {
    print_results(results);
    if (!options.out.empty()) {
      fmt::print("\nreport     {}\n", (fs::path(options.out) / "report.html").string());
    }
  }
  if (!no_figures.empty()) {
    tell("turnpike: {}\n", no_figures);
  }
  if (!results.rows.empty() &&
      std::none_of(results.rows.begin(), results.rows.end(),
                   [](const SchemeRow& row) { return row.solution.objective.status.ok(); })) {
    tell("turnpike: every scheme failed; see the table for where and why\n");
    return 1;
  }
  if (stopped) {
    tell("turnpike: stopped; what was trained before is there, the rest is left out\n");
    return 130;
  }
  return 0;
}

}  // namespace turnpike::cli
