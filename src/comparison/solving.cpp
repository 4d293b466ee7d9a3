#include "comparison/solving.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "comparison/counting_field.hpp"
#include "core/solve_count.hpp"
#include "turnpike/error.hpp"

namespace turnpike::comparison {

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

RunConfig with_substeps(RunConfig config, std::string name, Index substeps) {
  config.integrator = {};
  config.integrator.name = std::move(name);
  config.integrator.substeps = substeps;
  return config;
}

RunConfig with_tolerance(RunConfig config, std::string name, double rtol) {
  config.integrator = {};
  config.integrator.name = std::move(name);
  config.integrator.rtol = rtol;
  return config;
}

ProblemDefinition<double> definition_of(const Experiment<double>& experiment, const RunConfig& config,
                                        const IntegratorRegistry& integrators) {
  const RunConfig plain = with_substeps(experiment.config, "explicit-euler", 1);
  ProblemDefinition<double> definition =
      make_definition<double>(plain, experiment.train.class_count(), integrators);
  definition.integrator = integrators.make<double>(config.integrator.name, integrator_options(config));
  return definition;
}

SchemeSolution solve(const Experiment<double>& experiment, const RunConfig& config, const Control<double>& u,
                     Wanted wanted, const IntegratorRegistry& integrators, SchemeWork* work) {
  ProblemDefinition<double> definition = definition_of(experiment, config, integrators);
  const auto count = std::make_shared<FieldCount>();
  definition.field = std::make_shared<CountingField<double>>(definition.field, count);
  definition.threads = 1;  // linear solves are counted by thread
  OptimalControlProblem<double> problem(definition, experiment.train);
  SchemeSolution s;
  Control<double> gradient = problem.zero_control();
  const Index solves_before = linear_solves;
  s.objective = wanted == Wanted::states ? problem.value(u) : problem.value_and_gradient(u, gradient);
  const auto samples = static_cast<double>(experiment.train.size());
  if (work != nullptr) {
    *work = {static_cast<double>(count->evaluations) / samples,
             static_cast<double>(count->products) / samples,
             static_cast<double>(linear_solves - solves_before) / samples};
  }
  if (!s.objective.status.ok()) {
    return s;
  }
  if (wanted == Wanted::states_and_gradient) {
    s.gradient.assign(gradient.values().begin(), gradient.values().end());
  }
  IntegrationStatus status;
  s.states = problem.states(u, status);
  const std::vector<int> predicted =
      predicted_classes<double>(tile_of(std::as_const(s.states.back())), config.cost.components);
  Index right = 0;
  for (std::size_t d = 0; d < predicted.size(); ++d) {
    right += predicted[d] == experiment.train.labels[d] ? 1 : 0;
  }
  s.accuracy = static_cast<double>(right) / samples;
  return s;
}

SchemeErrors errors_against(const SchemeSolution& s, const SchemeSolution& reference) {
  SchemeErrors errors;
  double squares = 0;
  double entries = 0;
  for (std::size_t k = 0; k < s.states.size(); ++k) {
    squares += (s.states[k] - reference.states[k]).squaredNorm();
    entries += static_cast<double>(s.states[k].size());
  }
  errors.state = std::sqrt(squares / entries);
  errors.cost =
      std::abs(s.objective.total() - reference.objective.total()) / std::abs(reference.objective.total());
  double difference = 0;
  double size = 0;
  for (std::size_t i = 0; i < std::min(s.gradient.size(), reference.gradient.size()); ++i) {
    difference += std::pow(s.gradient[i] - reference.gradient[i], 2);
    size += std::pow(reference.gradient[i], 2);
  }
  errors.gradient = size > 0 ? std::sqrt(difference / size) : std::sqrt(difference);
  return errors;
}

namespace {

/// What a reference is to agree to from one rung to the next.
constexpr double agreed_cost = 1e-13;
constexpr double agreed_state = 1e-11;
/// Without that, rounding may have taken over, but only where little is left to converge.
constexpr double worst_cost = 1e-9;
/// Steps across a kink of σ have the order 2 at most, whatever the scheme.
constexpr double worst_cost_with_kinks = 1e-3;
constexpr double close_cost = 1e-6;    // finer equal steps are not worth their time
constexpr double smooth_cost = 1e-12;  // what schemes agree to without kinks
constexpr Index most_substeps = 256;
constexpr double finest_tolerance = 1e-13;
constexpr double finest_multistep = 1e-11;

/// The sub-steps of fehlberg78 from which on twice as many change nothing but rounding; 0 when there are
/// none.
Index settled_substeps(const Experiment<double>& e, const Control<double>& u,
                       const IntegratorRegistry& integrators) {
  const auto at = [&](Index substeps) {
    return solve(e, with_substeps(e.config, "fehlberg78", substeps), u, Wanted::states, integrators);
  };
  Index substeps = 4;
  SchemeSolution solution = at(substeps);
  double before = std::numeric_limits<double>::infinity();
  while (true) {
    SchemeSolution finer = at(2 * substeps);
    SchemeErrors change{before, before, 0};
    if (finer.objective.status.ok() && solution.objective.status.ok()) {
      change = errors_against(finer, solution);
    }
    const bool agrees = change.cost <= agreed_cost && change.state <= agreed_state;
    // Of order 8, the change falls by 256 from rung to rung until rounding takes over.
    const bool rounding = change.cost <= worst_cost && change.state > before / 4;
    if (agrees || rounding || (change.cost <= worst_cost && substeps >= most_substeps)) {
      return 2 * substeps;
    }
    if (substeps >= most_substeps) {
      return 0;
    }
    before = change.state;
    substeps *= 2;
    solution = std::move(finer);
  }
}

}  // namespace

ReferenceSolution converged_reference(const Experiment<double>& e, const Control<double>& u,
                                      const IntegratorRegistry& integrators) {
  // Empty when either fails or both are far apart; `why` tells. The closest of those that are too far apart
  // is kept for fields with kinks.
  std::string why;
  std::optional<ReferenceSolution> closest;
  const auto complete = [&](const RunConfig& first, std::string first_entry, const RunConfig& second,
                            std::string second_entry) -> std::optional<ReferenceSolution> {
    ReferenceSolution reference;
    reference.scheme = std::move(first_entry);
    reference.second_scheme = std::move(second_entry);
    reference.solution = solve(e, first, u, Wanted::states_and_gradient, integrators);
    reference.second = solve(e, second, u, Wanted::states_and_gradient, integrators);
    for (const auto& [s, entry] : {std::pair(&reference.solution, &reference.scheme),
                                   std::pair(&reference.second, &reference.second_scheme)}) {
      if (!s->objective.status.ok()) {
        why = fmt::format("under {} {}", *entry, s->objective.status.message());
        return std::nullopt;
      }
    }
    reference.apart = errors_against(reference.second, reference.solution);
    if (!(reference.apart.cost <= worst_cost)) {
      if (!closest || reference.apart.cost < closest->apart.cost) {
        closest = reference;
      }
      why = fmt::format("{} and {} differ by {:.0e} of V", reference.scheme, reference.second_scheme,
                        reference.apart.cost);
      return std::nullopt;
    }
    return reference;
  };
  std::optional<ReferenceSolution> reference;
  if (const Index substeps = settled_substeps(e, u, integrators); substeps > 0) {
    reference = complete(
        with_substeps(e.config, "fehlberg78", substeps), fmt::format("fehlberg78:substeps={}", substeps),
        with_substeps(e.config, "dopri5", 4 * substeps), fmt::format("dopri5:substeps={}", 4 * substeps));
  }
  if (!reference) {
    // Stiff. Where the state rests, error control lets explicit steps grow beyond the bound of stability, and
    // their discrete adjoint explodes: the continuous one has an error control of its own.
    RunConfig first = with_tolerance(e.config, "fehlberg78", finest_tolerance);
    first.integrator.adjoint = "continuous";
    reference = complete(first, fmt::format("fehlberg78:rtol={}:adjoint=continuous", finest_tolerance),
                         with_tolerance(e.config, "cvodes-bdf", finest_multistep),
                         fmt::format("cvodes-bdf:rtol={}", finest_multistep));
  }
  const bool kinks = !has_smooth_activations(e.config);
  if (!reference && kinks) {
    if (!closest || closest->apart.cost > close_cost) {  // the finest equal steps, if they are closer
      reference = complete(with_substeps(e.config, "fehlberg78", most_substeps),
                           fmt::format("fehlberg78:substeps={}", most_substeps),
                           with_substeps(e.config, "dopri5", 4 * most_substeps),
                           fmt::format("dopri5:substeps={}", 4 * most_substeps));
    }
    if (!reference && closest && closest->apart.cost <= worst_cost_with_kinks) {
      reference = closest;
    }
  }
  if (!reference && kinks) {
    throw NumericalError(fmt::format(
        "no reference: {}; the field's kinks limit every scheme to order 2, compare on a field without "
        "(field.activation = tanh) or take more control.intervals",
        why));
  }
  if (!reference) {
    throw NumericalError(fmt::format(
        "no reference: {}; the field is too stiff or too wild for it, shorten control.horizon or take more "
        "control.intervals",
        why));
  }
  reference->limited_by_kinks = kinks && reference->apart.cost > smooth_cost;
  return *std::move(reference);
}

}  // namespace turnpike::comparison
