// One epoch of two spirals: value, gradient and Adam update on 480 samples, 30 layers, h = 8, one thread.
// Prints "PRECISION INTEGRATOR SECONDS", the median of many epochs. bench/two_spirals.py runs it beside
// PyTorch.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "turnpike/experiment.hpp"
#include "turnpike/optimizer.hpp"

namespace {

using namespace turnpike;

template <class T>
double seconds_per_epoch(const std::string& integrator) {
  RunConfig config = recipe("two-spirals");
  config.integrator.name = integrator;
  config.control.initialization = "uniform";
  const Experiment<T> e = load_experiment<T>(config);
  OptimalControlProblem<T> problem(make_definition<T>(e.config, 2, builtin_integrators()), e.train);
  Control<T> u = initial_control(e.config, problem.definition());
  Control<T> gradient = problem.zero_control();
  Optimizer<T> adam({}, u.values().size());
  std::vector<double> seconds;
  for (int epoch = 0; epoch < 2000; ++epoch) {
    const auto start = std::chrono::steady_clock::now();
    (void)problem.value_and_gradient(u, gradient);
    adam.step(u.values(), std::as_const(gradient).values(), 1e-4);
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::nth_element(seconds.begin(), seconds.begin() + 1000, seconds.end());
  return seconds[1000];
}

}  // namespace

int main() {
  for (const char* integrator : {"explicit-euler", "rk4"}) {
    fmt::print("double {} {:.9f}\n", integrator, seconds_per_epoch<double>(integrator));
    fmt::print("float {} {:.9f}\n", integrator, seconds_per_epoch<float>(integrator));
  }
}
