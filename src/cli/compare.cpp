#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands.hpp"
#include "turnpike/error.hpp"

namespace turnpike::cli {

namespace {

/// V, ∇V and the states at the nodes, of one scheme at one control.
struct Solution {
  Objective objective;
  std::vector<double> gradient;
  std::vector<State<double>> states;
  double accuracy = 0;
};

/// One scheme beside the reference.
struct Row {
  std::string entry;
  Solution solution;
  double state_error = 0;     ///< largest |x − x_ref| over nodes, samples and components
  double cost_error = 0;      ///< |V − V_ref| / |V_ref|
  double gradient_error = 0;  ///< ‖∇V − ∇V_ref‖₂ / ‖∇V_ref‖₂
  double seconds = 0;         ///< one value and gradient
};

std::vector<std::string> split_at(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(end + 1);
  }
}

/// `base` with the scheme of an entry such as rk4:substeps=16 or dopri5:rtol=1e-8:atol=1e-10.
RunConfig with_entry(RunConfig base, const std::string& entry) {
  const std::vector<std::string> parts = split_at(entry, ':');
  if (parts.front().empty()) {
    throw InputError(fmt::format(
        "--integrators has an entry without a scheme, '{}'; write names separated by commas", entry));
  }
  base.integrator = {};
  base.integrator.name = parts.front();
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::string option = parts[i].substr(0, parts[i].find('='));
    const bool has_value = option.size() + 1 < parts[i].size();
    const std::vector<std::string> options = {"substeps", "rtol", "atol", "adjoint", "recovery"};
    if (!has_value || std::find(options.begin(), options.end(), option) == options.end()) {
      throw InputError(fmt::format(
          "--integrators {}: '{}' is no option with a value; write NAME:option=value with one of {}, "
          "e.g. rk4:substeps=16",
          entry, parts[i], fmt::join(options, ", ")));
    }
    try {
      set_key(base, "integrator." + parts[i]);
    } catch (const InputError& error) {
      throw InputError(fmt::format("--integrators {}: {}", entry, error.what()));
    }
  }
  return base;
}

enum class Wanted { states, states_and_gradient };

Solution solve(OptimalControlProblem<double>& problem, const Control<double>& u, const Experiment& e,
               Wanted wanted) {
  Solution s;
  Control<double> gradient = problem.zero_control();
  s.objective = wanted == Wanted::states ? problem.value(u) : problem.value_and_gradient(u, gradient);
  if (!s.objective.status.ok()) {
    return s;
  }
  if (wanted == Wanted::states_and_gradient) {
    s.gradient.assign(gradient.values().begin(), gradient.values().end());
  }
  IntegrationStatus status;
  s.states = problem.states(u, status);
  const std::vector<int> predicted =
      predicted_classes<double>(tile_of(std::as_const(s.states.back())), e.config.cost.components);
  Index right = 0;
  for (std::size_t d = 0; d < predicted.size(); ++d) {
    right += predicted[d] == e.train.labels[d] ? 1 : 0;
  }
  s.accuracy = static_cast<double>(right) / static_cast<double>(predicted.size());
  return s;
}

void measure_errors(Row& row, const Solution& reference) {
  const Solution& s = row.solution;
  for (std::size_t k = 0; k < s.states.size(); ++k) {
    row.state_error = std::max(row.state_error, (s.states[k] - reference.states[k]).cwiseAbs().maxCoeff());
  }
  row.cost_error =
      std::abs(s.objective.total() - reference.objective.total()) / std::abs(reference.objective.total());
  double difference = 0;
  double size = 0;
  for (std::size_t i = 0; i < s.gradient.size(); ++i) {
    difference += std::pow(s.gradient[i] - reference.gradient[i], 2);
    size += std::pow(reference.gradient[i], 2);
  }
  row.gradient_error = std::sqrt(difference / size);
}

/// The shortest of some value-and-gradient evaluations, for about a third of a second.
double seconds_a_gradient(OptimalControlProblem<double>& problem, const Control<double>& u) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point t) {
    return std::chrono::duration<double>(Clock::now() - t).count();
  };
  Control<double> gradient = problem.zero_control();
  const Clock::time_point begin = Clock::now();
  double shortest = std::numeric_limits<double>::infinity();
  for (int repeat = 0; repeat < 200 && (repeat < 3 || since(begin) < 0.3); ++repeat) {
    const Clock::time_point start = Clock::now();
    (void)problem.value_and_gradient(u, gradient);
    shortest = std::min(shortest, since(start));
  }
  return shortest;
}

/// The solution of fehlberg78 with as many equal steps as it takes for twice as many to change nothing, or
/// nothing but rounding; its distance to dopri5 with four times as many is what it is worth.
struct Reference {
  Solution solution;
  Index substeps = 0;
  Row check;
};

Reference converged_reference(const Experiment& e, const Control<double>& u,
                              const IntegratorRegistry& integrators) {
  const auto at = [&](const char* name, Index substeps, Wanted wanted) {
    RunConfig config = e.config;
    config.integrator = {};
    config.integrator.name = name;
    config.integrator.substeps = substeps;
    config.cost.quadrature = e.config.cost.quadrature;
    ProblemDefinition<double> definition =
        make_definition<double>(e.config, e.train.class_count(), integrators);
    definition.integrator = integrators.make<double>(name, integrator_options(config));
    OptimalControlProblem<double> problem(definition, e.train);
    return solve(problem, u, e, wanted);
  };
  constexpr Index most = 256;
  constexpr double worst_cost = 1e-9;
  Reference reference;
  reference.substeps = 4;
  reference.solution = at("fehlberg78", reference.substeps, Wanted::states);
  double before = std::numeric_limits<double>::infinity();
  while (true) {
    Row finer{"", at("fehlberg78", 2 * reference.substeps, Wanted::states), 0, 0, 0, 0};
    double change = std::numeric_limits<double>::infinity();
    bool agrees = false;
    if (finer.solution.objective.status.ok() && reference.solution.objective.status.ok()) {
      measure_errors(finer, reference.solution);
      change = finer.state_error;
      agrees = finer.cost_error <= 1e-13 && finer.state_error <= 1e-11;
    }
    // Of order 8, the change falls by 256 from rung to rung until rounding takes over.
    const bool settled = std::isfinite(change) && finer.cost_error <= worst_cost &&
                         (change > before / 4 || reference.substeps >= most);
    before = change;
    if (!agrees && !settled && reference.substeps >= most) {
      throw NumericalError(
          fmt::format("no reference: fehlberg78 with {} and {} steps an interval disagree; the field is too "
                      "stiff or too wild "
                      "for it",
                      most, 2 * most));
    }
    reference.substeps *= 2;
    reference.solution = std::move(finer.solution);
    if (agrees || settled) {
      break;
    }
  }
  reference.solution = at("fehlberg78", reference.substeps, Wanted::states_and_gradient);
  reference.check = {"dopri5", at("dopri5", 4 * reference.substeps, Wanted::states_and_gradient), 0, 0, 0, 0};
  measure_errors(reference.check, reference.solution);
  return reference;
}

nlohmann::ordered_json row_json(const Row& row) {
  const Solution& s = row.solution;
  if (!s.objective.status.ok()) {
    return {{"scheme", row.entry}, {"failure", s.objective.status.message()}};
  }
  return {{"scheme", row.entry},
          {"objective", s.objective.total()},
          {"accuracy", s.accuracy},
          {"state_error", row.state_error},
          {"cost_error", row.cost_error},
          {"gradient_error", row.gradient_error},
          {"seconds_per_gradient", row.seconds}};
}

}  // namespace

int compare(const CompareOptions& options, const IntegratorRegistry& integrators) {
  if (options.integrators.empty()) {
    throw InputError(
        "compare needs --integrators, a list such as explicit-euler,rk4:substeps=16,dopri5:rtol=1e-8");
  }
  std::optional<StoredModel> model;
  Experiment e;
  if (names_model(options.subject)) {
    model = load_model(options.subject);
    e = model_experiment(*model, options.overrides);
  } else {
    e = load_experiment(source_config(options.subject, options.overrides));
  }
  // Every entry is looked at before the work begins.
  struct Scheme {
    std::string entry;
    ProblemDefinition<double> definition;
  };
  std::vector<Scheme> schemes;
  for (const std::string& entry : split_at(options.integrators, ',')) {
    RunConfig config = with_entry(e.config, entry);
    check_config(config);
    schemes.push_back({entry, make_definition<double>(config, e.train.class_count(), integrators)});
  }
  RunConfig start = e.config;
  start.control.initialization = "uniform";
  const Control<double> u =
      model ? model->control(schemes.front().definition) : initial_control(start, schemes.front().definition);

  const Reference reference = converged_reference(e, u, integrators);
  std::vector<Row> rows;
  for (const Scheme& scheme : schemes) {
    OptimalControlProblem<double> problem(scheme.definition, e.train);
    Row row;
    row.entry = scheme.entry;
    row.solution = solve(problem, u, e, Wanted::states_and_gradient);
    if (row.solution.objective.status.ok()) {
      measure_errors(row, reference.solution);
      row.seconds = seconds_a_gradient(problem, u);
    }
    rows.push_back(std::move(row));
  }

  if (options.json) {
    nlohmann::ordered_json result;
    result["control"] = model ? model->file.string() : "uniform random, by run.seed";
    if (model) {
      result["trained_with"] = model->info.config.integrator.name;
    }
    result["reference"] = {{"scheme", fmt::format("fehlberg78:substeps={}", reference.substeps)},
                           {"objective", reference.solution.objective.total()},
                           {"accuracy", reference.solution.accuracy},
                           {"dopri5_state_difference", reference.check.state_error},
                           {"dopri5_cost_difference", reference.check.cost_error},
                           {"dopri5_gradient_difference", reference.check.gradient_error}};
    result["schemes"] = nlohmann::ordered_json::array();
    for (const Row& row : rows) {
      result["schemes"].push_back(row_json(row));
    }
    fmt::print("{}\n", result.dump(2));
    return 0;
  }
  fmt::print("control    {}\n", model ? fmt::format("{}, trained with {}", model->file.string(),
                                                    model->info.config.integrator.name)
                                      : std::string("uniform random, by run.seed"));
  fmt::print(
      "reference  fehlberg78 with {} steps an interval: V = {:.10g}, accuracy {:.2f} %; dopri5 agrees to "
      "{:.0e} "
      "in state, {:.0e} in cost, {:.0e} in gradient\n\n",
      reference.substeps, reference.solution.objective.total(), 100 * reference.solution.accuracy,
      reference.check.state_error, reference.check.cost_error, reference.check.gradient_error);
  fmt::print("{:<28} {:>14} {:>10} {:>10} {:>10} {:>10} {:>13}\n", "scheme", "V", "accuracy", "state", "cost",
             "gradient", "ms/gradient");
  for (const Row& row : rows) {
    const Solution& s = row.solution;
    if (s.objective.status.ok()) {
      fmt::print("{:<28} {:>14.8g} {:>8.2f} % {:>10.1e} {:>10.1e} {:>10.1e} {:>13.3f}\n", row.entry,
                 s.objective.total(), 100 * s.accuracy, row.state_error, row.cost_error, row.gradient_error,
                 1e3 * row.seconds);
    } else {
      fmt::print("{:<28} failed: {}\n", row.entry, s.objective.status.message());
    }
  }
  return 0;
}

}  // namespace turnpike::cli
