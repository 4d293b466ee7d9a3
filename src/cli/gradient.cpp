#include "cli/gradient.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "turnpike/error.hpp"

namespace turnpike::cli {

namespace {

constexpr double finest_reference = 1e-12;
constexpr double default_rtol = 1e-6;  // of schemes with a continuous adjoint
constexpr double allowed_errors = 1000;
constexpr double largest_error = 0.1;  // whatever the tolerance

}  // namespace

std::function<void(int, int)> differences_told_by(Phases& phases) {
  using Clock = std::chrono::steady_clock;
  return [&phases, told = Clock::now()](int done, int all) mutable {
    constexpr std::chrono::seconds between(5);
    if (Clock::now() - told >= between) {
      told = Clock::now();
      phases.begin(fmt::format("checking the gradient, {} of {} differences are taken", done, all));
    }
  };
}

GradientCheckReport check_experiment(const RunConfig& config, const Dataset<double>& samples,
                                     const Control<double>& u, GradientCheckOptions options,
                                     const IntegratorRegistry& integrators) {
  ProblemDefinition<double> definition = make_definition<double>(config, samples.class_count(), integrators);
  const auto watch = [&](ProblemDefinition<double>& watched) {
    if (!has_smooth_activations(config)) {
      const KinkWatch kinks(watched);
      options.kinks = [kinks] { return kinks.sides(); };
    }
  };
  if (definition.integrator->traits().adjoint == AdjointKind::discrete) {
    watch(definition);
    OptimalControlProblem<double> problem(with_frozen_steps(std::move(definition)), samples);
    return turnpike::check_gradient(problem, u, options);
  }
  OptimalControlProblem<double> problem(definition, samples);
  IntegratorOptions fine;
  const double rtol = config.integrator.rtol.value_or(default_rtol);
  fine.rtol = std::max(rtol / 100, finest_reference);
  definition.integrator = builtin_integrators().make<double>("fehlberg78", fine);
  watch(definition);
  OptimalControlProblem<double> reference(with_frozen_steps(std::move(definition)), samples);
  options.tolerance = std::min(allowed_errors * rtol, largest_error);
  // The remainder is the gradient's error before it is of second order.
  options.slope_tolerance = std::numeric_limits<double>::infinity();
  return turnpike::check_gradient(
      reference, u, options, [&](const Control<double>& at, Control<double>& gradient) {
        const Objective V = problem.value_and_gradient(at, gradient);
        if (!V.status.ok()) {
          throw NumericalError("the gradient cannot be checked: " + V.status.message());
        }
      });
}

}  // namespace turnpike::cli
