#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "diagnostics/conformance_subject.hpp"
#include "turnpike/error.hpp"

namespace turnpike::conformance {

namespace {

template <class T>
using Rig = IntervalRig<T>;

template <class T>
std::vector<T> interval_control(const TestProblem& p) {
  const Control<T> u = p.control<T>();
  return {u.interval(1), u.interval(1) + u.layout().size()};
}

template <class T>
State<T> advanced(Rig<T>& rig, const State<T>& X, const std::vector<T>& u, bool taped = false) {
  const auto result = rig.advance(X, u, taped);
  if (!result.status.ok()) {
    throw NumericalError("the integration failed: " + std::string(describe(result.status.outcome)));
  }
  return result.X;
}

/// How far results that should be the same lie apart, and how far they may.
struct Comparison {
  double apart = 0;    ///< relative to values above 1
  double allowed = 0;  ///< 0 asks for the same bits

  template <class T>
  void add(T a, T b) {
    const auto value = static_cast<double>(a);
    const double difference = std::abs(value - static_cast<double>(b)) / std::max(1.0, std::abs(value));
    apart = worse(apart, difference);
  }
  [[nodiscard]] Finding finding() const {
    if (allowed == 0) {
      return passed_if(apart == 0, apart == 0 ? "no bit differs" : fmt::format("differs by {:.1e}", apart));
    }
    return passed_if(apart <= allowed, fmt::format("differs by {:.1e}, allowed {:.0e}", apart, allowed));
  }
};

/// The method on which samples can be independent to the last bit: with its steps frozen, if it can. A method
/// that chooses its steps anew for each tile is allowed ten times its tolerance, less than its error may be.
template <class T>
double allowed(const Subject& subject, Steps steps) {
  const bool fixed = steps == Steps::equal || subject.method<T>(steps)->with_frozen_steps() != nullptr;
  return fixed ? 0.0 : 10 * subject.tolerance<T>();
}

/// Sample `kept` among others, and among different others.
template <class T>
void compare_among_others(const Subject& subject, Steps steps, Comparison& comparison) {
  if (!subject.offers<T>()) {
    return;
  }
  constexpr Index kept = 4;
  comparison.allowed = std::max(comparison.allowed, allowed<T>(subject, steps));
  for (const bool two_layer : {true, false}) {
    for (const Index n : {3, 6}) {
      TestProblem p;
      p.two_layer = two_layer;
      p.n = n;
      p.samples = 13;
      p.seed = subject.options().seed;
      const State<T> X = p.initial_state<T>();
      const std::vector<T> u = interval_control<T>(p);
      ++p.seed;
      State<T> others = p.initial_state<T>();
      State<T> lambda = others;
      State<T> other_lambda = X;
      others.col(kept) = X.col(kept);
      other_lambda.col(kept) = lambda.col(kept);
      Rig<T> rig(p, subject.frozen<T>(steps), Rig<T>::Running::none);
      const State<T> first = advanced(rig, X, u, true);
      const State<T> first_back = rig.pull_back(u, lambda, T(0)).Xbar;
      const State<T> second = advanced(rig, others, u, true);
      const State<T> second_back = rig.pull_back(u, other_lambda, T(0)).Xbar;
      for (Index i = 0; i < n; ++i) {
        comparison.add(first(i, kept), second(i, kept));
        comparison.add(first_back(i, kept), second_back(i, kept));
      }
    }
  }
}

/// The same samples in reverse.
template <class T>
void compare_reversed(const Subject& subject, Steps steps, Comparison& comparison) {
  if (!subject.offers<T>()) {
    return;
  }
  comparison.allowed = std::max(comparison.allowed, allowed<T>(subject, steps));
  for (const bool two_layer : {true, false}) {
    TestProblem p;
    p.two_layer = two_layer;
    p.samples = 21;
    p.seed = subject.options().seed;
    const State<T> X = p.initial_state<T>();
    const std::vector<T> u = interval_control<T>(p);
    Rig<T> rig(p, subject.frozen<T>(steps), Rig<T>::Running::none);
    const State<T> first = advanced(rig, X, u);
    const State<T> second = advanced<T>(rig, X.rowwise().reverse(), u);
    for (Index i = 0; i < X.rows(); ++i) {
      for (Index d = 0; d < X.cols(); ++d) {
        comparison.add(first(i, d), second(i, X.cols() - 1 - d));
      }
    }
  }
}

/// The same tile with other memory behind each component.
template <class T>
void compare_padded(const Subject& subject, Steps steps, Comparison& comparison) {
  if (!subject.offers<T>()) {
    return;
  }
  TestProblem p;
  p.samples = 13;
  p.seed = subject.options().seed;
  const State<T> X = p.initial_state<T>();
  const std::vector<T> u = interval_control<T>(p);
  Rig<T> rig(p, subject.frozen<T>(steps), Rig<T>::Running::control_dependent);
  const State<T> first = advanced(rig, X, u, true);
  const auto first_back = rig.pull_back(u, X, T(1));
  rig.pad(5);
  const State<T> second = advanced(rig, X, u, true);
  const auto second_back = rig.pull_back(u, X, T(1));
  for (Index i = 0; i < X.size(); ++i) {
    comparison.add(first.data()[i], second.data()[i]);
    comparison.add(first_back.Xbar.data()[i], second_back.Xbar.data()[i]);
  }
  for (std::size_t i = 0; i < u.size(); ++i) {
    comparison.add(first_back.ubar[i], second_back.ubar[i]);
  }
}

/// Objective and gradient on one thread and on four, in tiles of four samples.
template <class T>
void compare_threads(const Subject& subject, Steps steps, Comparison& comparison) {
  if (!subject.offers<T>()) {
    return;
  }
  TestProblem p;
  p.samples = 240;
  p.tile = 4;
  p.seed = subject.options().seed;
  const Control<T> u = p.control<T>();
  const std::shared_ptr<const IntervalMethod<T>> method = subject.method<T>(steps);
  Control<T> alone(u.layout(), u.intervals());
  Control<T> together = alone;
  const Objective V = p.with<T>(method).value_and_gradient(u, alone);
  p.threads = 4;
  OptimalControlProblem<T> problem = p.with<T>(method);
  for (int repeat = 0; repeat < 8; ++repeat) {  // a race shows now and then
    comparison.add(V.total(), problem.value_and_gradient(u, together).total());
    for (std::size_t i = 0; i < u.values().size(); ++i) {
      comparison.add(alone.values()[i], together.values()[i]);
    }
  }
}

/// The same interval again: at once, after another one, with new memory, and with a tape.
template <class T>
std::string impurity(const Subject& subject, Steps steps) {
  if (!subject.offers<T>()) {
    return {};
  }
  TestProblem p;
  p.samples = 13;
  p.seed = subject.options().seed;
  const State<T> X = p.initial_state<T>();
  const std::vector<T> u = interval_control<T>(p);
  ++p.seed;
  const State<T> other_X = p.initial_state<T>();
  const std::vector<T> other_u = interval_control<T>(p);
  Rig<T> rig(p, subject.method<T>(steps), Rig<T>::Running::control_dependent);
  const auto same = [](const auto& a, const auto& b) {
    return same_bits(a.X, b.X) && same_bits(std::span<const T>(&a.cost, 1), std::span<const T>(&b.cost, 1));
  };
  const auto first = rig.advance(X, u);
  if (!same(first, rig.advance(X, u))) {
    return "the same step twice differs";
  }
  (void)rig.advance(other_X, other_u);
  if (!same(first, rig.advance(X, u))) {
    return "a step differs after another one";
  }
  rig.renew();
  if (!same(first, rig.advance(X, u))) {
    return "a step differs with new memory";
  }
  const auto taped = rig.advance(X, u, true);
  const auto back = rig.pull_back(u, other_X, T(1));
  (void)rig.advance(other_X, other_u);
  const auto taped_again = rig.advance(X, u, true);
  const auto back_again = rig.pull_back(u, other_X, T(1));
  if (!same(taped, taped_again) || !same_bits(back.Xbar, back_again.Xbar) ||
      !same_bits(std::span<const T>(back.ubar), std::span<const T>(back_again.ubar))) {
    return "the same pull-back twice differs";
  }
  // Methods that keep a dense solution on the tape may come to the end of an interval by another way.
  const double apart = static_cast<double>((taped.X - first.X).cwiseAbs().maxCoeff());
  if (steps == Steps::equal ? !same(first, taped) : !(apart <= 10 * subject.tolerance<T>())) {
    return fmt::format("a taped step differs from one without a tape by {:.1e}", apart);
  }
  return {};
}

/// Largest |a − b| over the larger of 1 and the largest |b|.
template <class A, class B>
double relative_difference(const A& a, const B& b) {
  double difference = 0;
  double size = 1;
  for (std::size_t i = 0; i < b.size(); ++i) {
    const double apart = std::abs(static_cast<double>(a[i]) - b[i]);
    difference = worse(difference, apart);
    size = std::max(size, std::abs(b[i]));
  }
  return difference / size;
}

template <class T>
std::vector<T> results(const Subject& subject, Steps steps, const TestProblem& p) {
  OptimalControlProblem<T> problem = p.with<T>(subject.method<T>(steps));
  const Control<T> u = p.control<T>();
  Control<T> g = problem.zero_control();
  const Objective V = problem.value_and_gradient(u, g);
  IntegrationStatus status;
  const std::vector<State<T>> states = problem.states(u, status);
  if (!V.status.ok() || !status.ok()) {
    throw NumericalError("the integration failed: " + (V.status.ok() ? status : V.status).message());
  }
  std::vector<T> all = {static_cast<T>(V.running), static_cast<T>(V.total())};
  all.insert(all.end(), g.values().begin(), g.values().end());
  all.insert(all.end(), states.back().data(), states.back().data() + states.back().size());
  return all;
}

}  // namespace

void check_samples(const Subject& subject, Steps steps, Checklist& list) {
  const std::string how = "(bit for bit on equal or frozen steps, else to ten times the tolerance).";
  list.run(steps, "sample-independence",
           "The other samples of a tile influence neither a sample's state nor its costate " + how, [&] {
             Comparison comparison;
             compare_among_others<float>(subject, steps, comparison);
             compare_among_others<double>(subject, steps, comparison);
             return comparison.finding();
           });
  list.run(steps, "sample-order", "The order of the samples in a tile changes nothing " + how, [&] {
    Comparison comparison;
    compare_reversed<float>(subject, steps, comparison);
    compare_reversed<double>(subject, steps, comparison);
    return comparison.finding();
  });
}

void check_tiles(const Subject& subject, Steps steps, Checklist& list) {
  list.run(steps, "strided-tiles", "Tiles whose components lie apart in memory change no bit.", [&] {
    Comparison comparison;
    compare_padded<float>(subject, steps, comparison);
    compare_padded<double>(subject, steps, comparison);
    return comparison.finding();
  });
  list.run(steps, "threads", "Four threads at once, each with tiles of its own, change no bit.", [&] {
    Comparison comparison;
    compare_threads<float>(subject, steps, comparison);
    compare_threads<double>(subject, steps, comparison);
    return comparison.finding();
  });
}

void check_purity(const Subject& subject, Steps steps, Checklist& list) {
  list.run(steps, "pure-steps",
           "An interval depends on X, t, h and u alone: again, after another one, with new memory and with a "
           "tape it gives the same bits, forward and back.",
           [&] {
             std::string fault = impurity<double>(subject, steps);
             if (fault.empty()) {
               fault = impurity<float>(subject, steps);
             }
             return passed_if(fault.empty(), fault.empty() ? "no bit differs" : fault);
           });
}

void check_precision(const Subject& subject, Steps steps, Checklist& list) {
  list.run(steps, "float-agrees", "Objective, gradient and states in float agree with those in double.",
           [&]() -> Finding {
             if (!subject.offers<float>()) {
               return {ConformanceVerdict::skipped, subject.float_refusal()};
             }
             const double allowed = steps == Steps::equal
                                        ? subject.options().exactness_float
                                        : subject.options().error_per_tolerance * subject.tolerance<float>();
             double worst = 0;
             for (const bool two_layer : {true, false}) {
               TestProblem p;
               p.two_layer = two_layer;
               p.samples = 8;
               p.seed = subject.options().seed;
               worst = worse(worst, relative_difference(results<float>(subject, steps, p),
                                                        results<double>(subject, steps, p)));
             }
             return passed_if(worst <= allowed,
                              fmt::format("relative difference {:.1e}, allowed {:.0e}", worst, allowed));
           });
}

}  // namespace turnpike::conformance
