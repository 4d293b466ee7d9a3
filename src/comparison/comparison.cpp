#include "turnpike/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <utility>

#include "comparison/solving.hpp"
#include "diagnostics/order_fit.hpp"

namespace turnpike {

namespace {

using comparison::Wanted;

/// The shortest of some value-and-gradient evaluations, for about `budget` seconds.
double seconds_a_gradient(ProblemDefinition<double> definition, const Experiment<double>& e,
                          const Control<double>& u, double budget) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point t) {
    return std::chrono::duration<double>(Clock::now() - t).count();
  };
  OptimalControlProblem<double> problem(std::move(definition), e.train);
  Control<double> gradient = problem.zero_control();
  const Clock::time_point begin = Clock::now();
  double shortest = std::numeric_limits<double>::infinity();
  for (int repeat = 0; repeat < 200 && (repeat < 2 || since(begin) < budget); ++repeat) {
    const Clock::time_point start = Clock::now();
    (void)problem.value_and_gradient(u, gradient);
    shortest = std::min(shortest, since(start));
  }
  return shortest;
}

}  // namespace

Comparison::Comparison(Experiment<double> experiment, Control<double> u,
                       const IntegratorRegistry& integrators)
    : experiment_(std::move(experiment)),
      u_(std::move(u)),
      integrators_(integrators),
      reference_(comparison::converged_reference(experiment_, u_, integrators_)) {}

SchemeRow Comparison::measure(const ComparedScheme& scheme) const {
  constexpr double budget = 0.3;
  SchemeRow row;
  row.entry = scheme.entry;
  row.traits = integrators_.find(scheme.config.integrator.name).traits;
  row.solution =
      comparison::solve(experiment_, scheme.config, u_, Wanted::states_and_gradient, integrators_, &row.work);
  if (row.solution.objective.status.ok()) {
    row.errors = comparison::errors_against(row.solution, reference_.solution);
    row.seconds = seconds_a_gradient(comparison::definition_of(experiment_, scheme.config, integrators_),
                                     experiment_, u_, budget);
  }
  return row;
}

WorkPrecision Comparison::work_precision(const ComparedScheme& scheme) const {
  constexpr double budget = 0.05;
  const RunConfig::Integrator& chosen = scheme.config.integrator;
  const IntegratorTraits& traits = integrators_.find(chosen.name).traits;
  WorkPrecision result;
  result.scheme = chosen.name;
  result.order = traits.order;
  result.tolerance = chosen.rtol || chosen.atol || !traits.fixed_steps;
  const auto add = [&](const RunConfig& config, std::string entry, double step) {
    WorkPrecisionPoint point;
    point.entry = std::move(entry);
    point.step = step;
    const SchemeSolution solution =
        comparison::solve(experiment_, config, u_, Wanted::states_and_gradient, integrators_, &point.work);
    if (!solution.objective.status.ok()) {
      return;
    }
    // A scheme is not its own reference.
    point.errors = comparison::errors_against(
        solution, chosen.name == "fehlberg78" ? reference_.second : reference_.solution);
    point.seconds = seconds_a_gradient(comparison::definition_of(experiment_, config, integrators_),
                                       experiment_, u_, budget);
    result.points.push_back(std::move(point));
  };
  RunConfig config = scheme.config;
  if (result.tolerance) {
    config.integrator.atol.reset();  // follows rtol
    for (int power = 2; power <= 11; ++power) {
      config.integrator.rtol = std::pow(10.0, -power);
      add(config, fmt::format("{}:rtol=1e-{:02}", chosen.name, power), *config.integrator.rtol);
    }
    return result;
  }
  const double length =
      *experiment_.config.control.horizon / static_cast<double>(experiment_.config.control.intervals);
  const auto resolution = [&](double SchemeErrors::*kind) {
    return std::max(reference_.apart.*kind, 25 * std::numeric_limits<double>::epsilon());
  };
  const auto is_rounding = [&](double SchemeErrors::*kind) {
    return !result.points.empty() && result.points.back().errors.*kind <= resolution(kind);
  };
  for (const Index substeps : order_rungs(traits.order)) {
    config.integrator.substeps = substeps;
    add(config, fmt::format("{}:substeps={}", chosen.name, substeps), length / static_cast<double>(substeps));
    if (is_rounding(&SchemeErrors::state) && is_rounding(&SchemeErrors::cost) &&
        is_rounding(&SchemeErrors::gradient)) {
      break;
    }
  }
  const auto order_of = [&](double SchemeErrors::*kind) {
    Ladder ladder;
    for (const WorkPrecisionPoint& point : result.points) {
      ladder.step.push_back(point.step);
      ladder.error.push_back(point.errors.*kind);
    }
    ladder.resolution = resolution(kind);
    return fitted_order(ladder);
  };
  result.state_order = order_of(&SchemeErrors::state);
  result.cost_order = order_of(&SchemeErrors::cost);
  result.gradient_order = order_of(&SchemeErrors::gradient);
  return result;
}

}  // namespace turnpike
