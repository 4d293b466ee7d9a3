// One value and gradient of two spirals (480 samples, 30 intervals, h = 8, double, one thread) by RK4 with
// one step an interval: turnpike's own beside that of PETSc's TSAdjoint, in turns in the same run. TSAdjoint
// runs twice: calling turnpike's field and costs, so that what differs is the machinery around them, and with
// the field, its transposed Jacobians' products and the running cost written by hand, as a user of PETSc
// alone would. Prints the median times, their ratios to turnpike's and the relative differences of the
// gradients from turnpike's; fails when one exceeds 1e-12. Times are the processor's, so that on a busy
// machine the longest run does not also bear the most interruptions.

#include <fmt/format.h>
#include <petscts.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <span>
#include <vector>

#include "tsadjoint_by_hand.hpp"
#include "tsadjoint_turnpikes_field.hpp"
#include "turnpike/experiment.hpp"

namespace {

using namespace turnpike;

double relative_difference(const Control<double>& gradient, const Control<double>& reference) {
  double difference = 0;
  double size = 0;
  for (std::size_t i = 0; i < reference.values().size(); ++i) {
    const double error = gradient.values()[i] - reference.values()[i];
    difference += error * error;
    size += reference.values()[i] * reference.values()[i];
  }
  return std::sqrt(difference / size);
}

double seconds_since(std::clock_t start) {
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

double median(std::vector<double> seconds) {
  const auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
  std::nth_element(seconds.begin(), middle, seconds.end());
  return *middle;
}

/// A way to the value and gradient, with what it gave and how long it took each time.
struct Contestant {
  const char* name;
  bench::TrajectoryAdjoint* peer;  ///< null for turnpike itself
  Control<double> gradient;
  double value = 0;
  std::vector<double> seconds = {};
};

PetscErrorCode compare(bool& agree) {
  PetscFunctionBeginUser;
  RunConfig config = recipe("two-spirals");
  config.integrator.name = "rk4";
  config.control.initialization = "uniform";
  config.run.threads = 1;
  const Experiment<double> e = load_experiment(config);
  OptimalControlProblem<double> problem(make_definition<double>(e.config, 2, builtin_integrators()), e.train);
  const Control<double> u = initial_control(e.config, problem.definition());
  bench::WithTurnpikesField with_field(problem.definition(), e.train);
  bench::ByHand by_hand(problem.definition(), e.train);
  PetscCall(with_field.create());
  PetscCall(by_hand.create());
  Contestant contestants[] = {{"turnpike", nullptr, problem.zero_control()},
                              {"tsadjoint, with turnpike's field", &with_field, problem.zero_control()},
                              {"tsadjoint, written by hand", &by_hand, problem.zero_control()}};

  constexpr int warm_up = 20;
  constexpr int repetitions = 200;
  for (int i = -warm_up; i < repetitions; ++i) {
    for (Contestant& c : contestants) {
      const auto start = std::clock();
      if (c.peer == nullptr) {
        c.value = problem.value_and_gradient(u, c.gradient).total();
      } else {
        PetscCall(c.peer->value_and_gradient(u, c.value, c.gradient));
      }
      if (i >= 0) {
        c.seconds.push_back(seconds_since(start));
      }
    }
  }
  PetscCall(by_hand.destroy());
  PetscCall(with_field.destroy());

  const Contestant& own = contestants[0];
  const std::span peers = std::span(contestants).subspan(1);
  for (const Contestant& c : contestants) {
    fmt::print("{} {:.9f}\n", c.name, median(c.seconds));
  }
  agree = true;
  for (const Contestant& c : peers) {
    const double difference = relative_difference(c.gradient, own.gradient);
    fmt::print("{}: ratio {:.2f}, gradients differ by {:.1e}\n", c.name,
               median(c.seconds) / median(own.seconds), difference);
    constexpr double tolerance = 1e-12;
    if (!(difference <= tolerance && std::abs(c.value - own.value) <= tolerance * std::abs(own.value))) {
      agree = false;
      fmt::print(stderr, "turnpike and {} disagree: values {:.17g} and {:.17g}, gradients by {:.1e}\n",
                 c.name, own.value, c.value, difference);
    }
  }
  PetscFunctionReturn(0);
}

}  // namespace

int main(int argc, char** argv) {
  PetscCall(PetscInitialize(&argc, &argv, nullptr, nullptr));
  bool agree = false;
  PetscCall(compare(agree));
  PetscCall(PetscFinalize());
  return agree ? 0 : 1;
}
