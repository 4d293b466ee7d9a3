#include <fmt/format.h>
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "diagnostics/conformance_subject.hpp"

namespace turnpike::conformance {

namespace {

/// Something that no scheme can step over, in layer 1, or in the initial state.
struct Breakage {
  const char* what;
  double value;       ///< put into the first entry of u_1, or of every entry
  bool everywhere;    ///< into every entry
  bool in_the_state;  ///< into one entry of X₀ instead
  Activation activation;
};

template <class T>
std::vector<Breakage> breakages() {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  // Its square overflows.
  const double huge = std::is_same_v<T, float> ? 1e30 : 1e200;
  return {{"a control of NaN", nan, false, false, Activation::tanh},
          {"an infinite control", infinity, true, false, Activation::identity},
          {"a control that overflows", huge, true, false, Activation::identity},
          {"a state of NaN", nan, false, true, Activation::tanh},
          {"an infinite state", infinity, false, true, Activation::identity}};
}

template <class T>
struct Broken {
  TestProblem problem;
  State<T> X;
  Control<T> u;
};

template <class T>
Broken<T> make_broken(const Subject& subject, const Breakage& breakage) {
  Broken<T> broken;
  broken.problem.activation = breakage.activation;
  broken.problem.seed = subject.options().seed;
  broken.X = broken.problem.template initial_state<T>();
  broken.u = broken.problem.template control<T>();
  const T value = static_cast<T>(breakage.value);
  if (breakage.in_the_state) {
    broken.X(1, 2) = value;
    return broken;
  }
  T* const u = broken.u.interval(1);
  for (Index i = 0; i < (breakage.everywhere ? broken.u.layout().size() : 1); ++i) {
    u[i] = value;
  }
  return broken;
}

/// What is wrong with how the whole problem reports a breakage; empty when nothing is.
template <class T>
std::string misreport(const Subject& subject, Steps steps) {
  if (!subject.offers<T>()) {
    return {};
  }
  for (const Breakage& breakage : breakages<T>()) {
    const Broken<T> broken = make_broken<T>(subject, breakage);
    OptimalControlProblem<T> problem = broken.problem.template with<T>(subject.method<T>(steps), broken.X);
    Control<T> gradient = problem.zero_control();
    const Index layer = breakage.in_the_state ? 0 : 1;
    IntegrationStatus at_nodes;
    (void)problem.states(broken.u, at_nodes);
    for (const auto& [status, call] :
         {std::pair{problem.value(broken.u).status, "value"},
          std::pair{problem.value_and_gradient(broken.u, gradient).status, "value_and_gradient"},
          std::pair{at_nodes, "states"}}) {
      const std::string where = fmt::format("{}, seen by {}: ", breakage.what, call);
      if (status.ok()) {
        return where + "nothing is reported";
      }
      const TimeGrid& grid = broken.problem.grid;
      const double slack = 1e-6;
      if (status.interval != layer || !(status.step.t >= grid.node(layer) - slack) ||
          !(status.step.t <= grid.node(layer + 1) + slack)) {
        return where + fmt::format("reported as '{}', but it lies in layer {}", status.message(), layer);
      }
    }
  }
  return {};
}

struct FailedSteps {
  int count = 0;
  std::string changed;  ///< which one did not leave the state as it was
};

/// One step of each breakage, and of controls so large that a nonlinear solve may fail.
template <class T>
void fail_steps(const Subject& subject, Steps steps, FailedSteps& failed) {
  if (!subject.offers<T>()) {
    return;
  }
  std::vector<Breakage> all = breakages<T>();
  if (steps == Steps::equal) {
    all.push_back({"a stiff control", 1e6, true, false, Activation::tanh});
  }
  const auto method = steps == Steps::equal ? subject.equal_steps<T>(1) : subject.method<T>(steps);
  for (const Breakage& breakage : all) {
    const Broken<T> broken = make_broken<T>(subject, breakage);
    IntervalRig<T> rig(broken.problem, method, IntervalRig<T>::Running::none);
    const T* const u = broken.u.interval(1);
    const auto result = rig.advance(broken.X, std::vector<T>(u, u + broken.u.layout().size()));
    if (!result.status.ok()) {
      ++failed.count;
      if (!same_bits(result.X, broken.X)) {
        failed.changed = breakage.what;
      }
    }
  }
}

}  // namespace

void check_failure(const Subject& subject, Steps steps, Checklist& list) {
  list.run(
      steps, "failure-reported",
      "What is not finite, in u or in the initial state, is reported with its layer and time by every call "
      "that runs into it.",
      [&] {
        std::string fault = misreport<double>(subject, steps);
        if (fault.empty()) {
          fault = misreport<float>(subject, steps);
        }
        return passed_if(fault.empty(), fault.empty() ? "all with layer and time" : fault);
      });
  list.run(steps, "failure-keeps-state", "A failed step leaves the state as it was.", [&]() -> Finding {
    FailedSteps failed;
    fail_steps<double>(subject, steps, failed);
    fail_steps<float>(subject, steps, failed);
    if (failed.count == 0) {
      return {ConformanceVerdict::skipped, "no step fails by itself; the problem finds what is not finite"};
    }
    return passed_if(failed.changed.empty(),
                     failed.changed.empty() ? fmt::format("{} failed steps, no bit differs", failed.count)
                                            : "the state has changed after " + failed.changed);
  });
}

}  // namespace turnpike::conformance
