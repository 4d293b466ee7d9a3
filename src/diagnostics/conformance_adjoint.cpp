#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "diagnostics/conformance_subject.hpp"
#include "diagnostics/differences.hpp"
#include "turnpike/error.hpp"
#include "turnpike/gradient_check.hpp"
#include "turnpike/random.hpp"

namespace turnpike::conformance {

namespace {

template <class T>
using Rig = IntervalRig<T>;

/// A direction (or a gradient) in state and control.
template <class T>
struct Pair {
  State<T> X;
  std::vector<T> u;
};

template <class T>
double dot(const Pair<T>& a, const Pair<T>& b) {
  double sum = 0;
  for (Index i = 0; i < a.X.size(); ++i) {
    sum += static_cast<double>(a.X.data()[i]) * static_cast<double>(b.X.data()[i]);
  }
  for (std::size_t i = 0; i < a.u.size(); ++i) {
    sum += static_cast<double>(a.u[i]) * static_cast<double>(b.u[i]);
  }
  return sum;
}

template <class T>
Pair<T> scaled(Pair<T> a, double factor) {
  a.X *= static_cast<T>(factor);
  for (T& entry : a.u) {
    entry *= static_cast<T>(factor);
  }
  return a;
}

/// Which part of the adjoint of an interval (X, u) ↦ (X⁺, q) is looked at.
enum class Part {
  step,          ///< ⟨λ, X⁺⟩ along state and control
  state_cost,    ///< q along the state
  control_cost,  ///< q along the control
};

/// One interval of one problem: its adjoint against eighth-order differences.
template <class T>
class IntervalCheck {
 public:
  IntervalCheck(const Subject& subject, Steps steps, const TestProblem& problem)
      : discrete_(subject.traits().adjoint == AdjointKind::discrete),
        rig_(problem, discrete_ ? subject.frozen<T>(steps) : subject.method<T>(steps),
             Rig<T>::Running::control_dependent),
        // A continuous adjoint is not the derivative of what was computed, but of the solution.
        differentiated_(problem, discrete_ ? subject.frozen<T>(steps) : reference_method<T>("fehlberg78", 48),
                        Rig<T>::Running::control_dependent),
        at_{problem.initial_state<T>(), {}} {
    const Control<T> u = problem.control<T>();
    at_.u.assign(u.interval(1), u.interval(1) + u.layout().size());
  }

  /// The largest relative error |⟨∇φ, d⟩ − D₈φ(d)| / ‖∇φ‖ over directions d of length 1.
  double error(Part part, std::uint64_t seed) {
    Random random(seed, RandomPurpose::check, 5);
    const auto normal = [&](Pair<T> shape) {
      std::generate_n(shape.X.data(), shape.X.size(), [&] { return static_cast<T>(random.normal()); });
      std::generate(shape.u.begin(), shape.u.end(), [&] { return static_cast<T>(random.normal()); });
      return shape;
    };
    const Pair<T> lambda = normal(at_);
    const T mu = part == Part::step ? T(0) : T(1);
    const State<T> seed_state = part == Part::step ? lambda.X : State<T>(lambda.X * T(0));
    // Freezes the steps where they are to be frozen.
    require(differentiated_.advance(at_.X, at_.u).status);
    require(rig_.advance(at_.X, at_.u, true).status);
    typename Rig<T>::PulledBack back = rig_.pull_back(at_.u, seed_state, mu);
    require(back.status);
    const Pair<T> gradient = restricted({std::move(back.Xbar), std::move(back.ubar)}, part);
    const double size = std::sqrt(dot(gradient, gradient));

    std::vector<Pair<T>> directions;
    directions.push_back(gradient);  // along it no error of the size can hide
    for (int i = 0; i < 3; ++i) {
      directions.push_back(restricted(normal(at_), part));
    }
    double worst = 0;
    for (const Pair<T>& direction : directions) {
      const Pair<T> d = scaled(direction, 1 / std::sqrt(dot(direction, direction)));
      const auto phi = [&](double s) {
        const auto there = differentiated_.advance(at_.X + static_cast<T>(s) * d.X, moved(at_.u, d.u, s));
        require(there.status);
        return part == Part::step ? dot<T>({there.X, {}}, {lambda.X, {}}) : static_cast<double>(there.cost);
      };
      constexpr bool is_float = std::is_same_v<T, float>;
      const DifferenceEstimate estimate = best_of_ladder(
          [&](double h) { return eighth_order_difference(phi, h); }, is_float ? 1.0 : 0.2, is_float ? 7 : 9);
      const double apart = std::abs(dot(gradient, d) - estimate.value) / size;
      worst = worse(worst, apart);
    }
    return worst;
  }

 private:
  static void require(const StepStatus& status) {
    if (!status.ok()) {
      throw NumericalError("the integration failed: " + std::string(describe(status.outcome)));
    }
  }
  static std::vector<T> moved(std::vector<T> u, const std::vector<T>& d, double s) {
    for (std::size_t i = 0; i < u.size(); ++i) {
      u[i] += static_cast<T>(s) * d[i];
    }
    return u;
  }
  static Pair<T> restricted(Pair<T> pair, Part part) {
    if (part == Part::state_cost) {
      std::fill(pair.u.begin(), pair.u.end(), T(0));
    } else if (part == Part::control_cost) {
      pair.X.setZero();
    }
    return pair;
  }

  bool discrete_;
  Rig<T> rig_;
  Rig<T> differentiated_;
  Pair<T> at_;
};

/// What an adjoint may be off, relatively.
template <class T>
double allowed(const Subject& subject) {
  const ConformanceOptions& options = subject.options();
  if (subject.traits().adjoint == AdjointKind::continuous) {
    return options.error_per_tolerance * subject.tolerance<T>();
  }
  return std::is_same_v<T, float> ? options.exactness_float : options.exactness;
}

template <class T>
Finding check_part(const Subject& subject, Steps steps, Part part) {
  if (!subject.offers<T>()) {
    return {ConformanceVerdict::skipped, subject.float_refusal()};
  }
  double worst = 0;
  for (const bool two_layer : {true, false}) {
    TestProblem p;
    p.two_layer = two_layer;
    p.seed = subject.options().seed;
    const double error = IntervalCheck<T>(subject, steps, p).error(part, p.seed);
    worst = worse(worst, error);
  }
  return passed_if(worst <= allowed<T>(subject),
                   fmt::format("relative error {:.1e}, allowed {:.0e}", worst, allowed<T>(subject)));
}

/// Derivatives with respect to the control are added to what is there.
Finding check_accumulation(const Subject& subject, Steps steps) {
  TestProblem p;
  p.seed = subject.options().seed;
  const Control<double> control = p.control<double>();
  const std::vector<double> u(control.interval(1), control.interval(1) + control.layout().size());
  Rig<double> rig(p, subject.frozen<double>(steps), Rig<double>::Running::control_dependent);
  const State<double> X = p.initial_state<double>();
  const auto advanced = rig.advance(X, u, true);
  if (!advanced.status.ok()) {
    throw NumericalError("the integration failed: " + std::string(describe(advanced.status.outcome)));
  }
  const auto fresh = rig.pull_back(u, X, 1);
  const auto added = rig.pull_back(u, X, 1, 3);
  double apart = 0;
  double size = 3;
  for (std::size_t i = 0; i < u.size(); ++i) {
    apart = worse(apart, std::abs(added.ubar[i] - 3 - fresh.ubar[i]));
    size = std::max(size, std::abs(fresh.ubar[i]));
  }
  return passed_if(apart <= 1e-12 * size, fmt::format("off by {:.1e} relative to its size", apart / size));
}

/// The gradient of the whole objective.
Finding check_whole_gradient(const Subject& subject, Steps steps,
                             std::optional<GradientCheckReport>& report) {
  TestProblem p;
  p.seed = subject.options().seed;
  p.samples = 8;
  const Control<double> u = p.control<double>();
  if (subject.traits().adjoint == AdjointKind::continuous) {
    OptimalControlProblem<double> problem = p.with<double>(subject.method<double>(steps));
    OptimalControlProblem<double> exact = p.with<double>(reference_method<double>("fehlberg78", 48));
    Control<double> g = problem.zero_control();
    Control<double> reference = g;
    const Objective V = problem.value_and_gradient(u, g);
    if (!V.status.ok()) {
      throw NumericalError("the integration failed: " + V.status.message());
    }
    exact.value_and_gradient(u, reference);
    double error = 0;
    double size = 0;
    for (std::size_t i = 0; i < g.values().size(); ++i) {
      error = worse(error, std::abs(g.values()[i] - reference.values()[i]));
      size = std::max(size, std::abs(reference.values()[i]));
    }
    return passed_if(error / size <= allowed<double>(subject),
                     fmt::format("relative error {:.1e} against a converged gradient, allowed {:.0e}",
                                 error / size, allowed<double>(subject)));
  }
  OptimalControlProblem<double> problem = p.with<double>(subject.frozen<double>(steps));
  report = check_gradient(
      problem, u,
      {.directions = 2, .coordinates = 12, .seed = p.seed, .tolerance = subject.options().exactness});
  const double error = worse(report->difference_error, report->coordinate_error);
  return passed_if(
      error <= std::max(subject.options().exactness, 10 * report->resolution) &&
          report->resolution <= subject.options().exactness,
      fmt::format("relative error {:.1e} where differences resolve {:.1e}", error, report->resolution));
}

}  // namespace

void check_adjoint(const Subject& subject, Steps steps, Checklist& list) {
  const bool continuous = subject.traits().adjoint == AdjointKind::continuous;
  const std::string how = continuous ? "to the tolerance" : "to what differences of order 8 resolve";
  const auto part = [&](const std::string& name, const std::string& text, Part which) {
    list.run(steps, name, fmt::format("{} {} in double.", text, how),
             [&] { return check_part<double>(subject, steps, which); });
    list.run(steps, name + "-float", fmt::format("{} {} in float.", text, how),
             [&] { return check_part<float>(subject, steps, which); });
  };
  part("adjoint-step", "⟨λ, J v⟩ = ⟨Jᵀλ, v⟩ for J the derivative of an interval's X⁺ in X and u,",
       Part::step);
  part("adjoint-state-cost",
       "The pull-back with μ = 1 and λ = 0 gives the derivative of the running cost in X,", Part::state_cost);
  part("adjoint-control-cost",
       "The pull-back with μ = 1 and λ = 0 gives the derivative of the running cost in u, ∂ℓ/∂u included,",
       Part::control_cost);
  list.run(steps, "adjoint-accumulates",
           "What the pull-back gives for the control is added to what is there.",
           [&] { return check_accumulation(subject, steps); });
  std::optional<GradientCheckReport> report;
  list.run(steps, "adjoint-gradient",
           fmt::format("The gradient of V over the whole horizon is right {}.", how),
           [&] { return check_whole_gradient(subject, steps, report); });
  list.run(steps, "adjoint-taylor", "V(u + εd) − V(u) − ε⟨∇V, d⟩ falls with ε².", [&]() -> Finding {
    if (continuous) {
      return {ConformanceVerdict::skipped, "a continuous adjoint is exact to its tolerance only"};
    }
    if (!report || !report->slope_measured) {
      return {ConformanceVerdict::skipped, "not measured"};
    }
    return passed_if(std::abs(report->taylor_slope - 2) <= 0.05,
                     fmt::format("slope {:.3f}", report->taylor_slope));
  });
}

}  // namespace turnpike::conformance
