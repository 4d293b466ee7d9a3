// Time of one gradient (two spirals, double, one thread) relative to RK4's with one step an interval: every
// registered scheme with one step an interval, and the error-controlled ones at rtol = 1e-5 and 1e-6. The
// control is random with entries of a trained one's size in the first intervals and zero later, as on the
// turnpike.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "turnpike/experiment.hpp"

namespace {

using namespace turnpike;

double seconds_per_gradient(const std::string& name, std::optional<double> rtol) {
  RunConfig config = recipe("two-spirals");
  config.control.initialization = "uniform";
  const Experiment<double> e = load_experiment(config);
  const IntegratorRegistry registry = builtin_integrators();
  ProblemDefinition<double> definition = make_definition<double>(e.config, 2, registry);
  IntegratorOptions options;
  options.rtol = rtol;
  definition.integrator = registry.make<double>(name, options);
  OptimalControlProblem<double> problem(definition, e.train);
  Control<double> u = initial_control(e.config, definition);
  for (Index k = 10; k < u.intervals(); ++k) {
    std::fill_n(u.interval(k), u.layout().size(), 0.0);
  }
  Control<double> gradient = problem.zero_control();
  std::vector<double> seconds;
  for (int i = 0; i < 200; ++i) {
    const auto start = std::chrono::steady_clock::now();
    (void)problem.value_and_gradient(u, gradient);
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::nth_element(seconds.begin(), seconds.begin() + 100, seconds.end());
  return seconds[100];
}

}  // namespace

int main() {
  const double reference = seconds_per_gradient("rk4", {});
  const IntegratorRegistry registry = builtin_integrators();
  for (const std::string& name : registry.names()) {
    const IntegratorTraits& traits = registry.find(name).traits;
    if (traits.fixed_steps) {
      fmt::print("{:<18} {:>12} {:6.2f} x rk4\n", name, "one step",
                 seconds_per_gradient(name, {}) / reference);
    }
    if (traits.adaptive) {
      for (const double rtol : {1e-5, 1e-6}) {
        fmt::print("{:<18} {:>12} {:6.2f} x rk4\n", name, fmt::format("rtol {:.0e}", rtol),
                   seconds_per_gradient(name, rtol) / reference);
      }
    }
  }
}
