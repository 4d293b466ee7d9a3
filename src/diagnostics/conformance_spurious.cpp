#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "diagnostics/conformance_subject.hpp"

namespace turnpike::conformance {

namespace {

/// One step of length h on ẋ = tanh(J x), x > 0, |J| = 1/h · (h‖J‖): what it adds to x. With y = J h x that
/// is a function of y and h‖J‖ alone, so h is taken as the interval's length.
class NetIncrement {
 public:
  NetIncrement(std::shared_ptr<const IntervalMethod<double>> method, double sign)
      : method_(std::move(method)), sign_(sign) {}

  /// The increments at the given x > 0, each divided by that of explicit Euler; NaN where the step fails.
  std::vector<double> operator()(double step, const std::vector<double>& x) {
    std::vector<double> increments = evaluate(step, x);
    if (increments.empty()) {
      // A nonlinear solve failed for some sample: then one by one, and without those that fail.
      for (const double single : x) {
        const std::vector<double> one = evaluate(step, {single});
        increments.push_back(one.empty() ? std::numeric_limits<double>::quiet_NaN() : one.front());
      }
    }
    return increments;
  }

 private:
  static constexpr double h = IntervalRig<double>::t_end - IntervalRig<double>::t_begin;

  std::vector<double> evaluate(double step, const std::vector<double>& x) {
    const double J = sign_ * step / h;
    IntervalRig<double>& rig = rig_for(static_cast<Index>(x.size()));
    State<double> X(1, static_cast<Index>(x.size()));
    std::copy(x.begin(), x.end(), X.data());
    const auto result = rig.advance(X, {J, 0.0});
    if (!result.status.ok()) {
      return {};
    }
    std::vector<double> increments(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      increments[i] = (result.X(0, static_cast<Index>(i)) - x[i]) / (h * std::tanh(J * x[i]));
    }
    return increments;
  }

  IntervalRig<double>& rig_for(Index samples) {
    std::unique_ptr<IntervalRig<double>>& rig = samples == 1 ? single_ : many_;
    if (!rig || samples_ != samples) {
      TestProblem p;
      p.two_layer = false;
      p.n = 1;
      p.samples = samples;
      rig = std::make_unique<IntervalRig<double>>(p, method_, IntervalRig<double>::Running::none);
      samples_ = samples == 1 ? samples_ : samples;
    }
    return *rig;
  }

  std::shared_ptr<const IntervalMethod<double>> method_;
  double sign_;
  std::unique_ptr<IntervalRig<double>> single_;
  std::unique_ptr<IntervalRig<double>> many_;
  Index samples_ = 0;
};

struct SpuriousPoint {
  double step = 0;  ///< h‖J‖
  double x = 0;     ///< in units of 1/‖J‖: σ′ there is that of tanh at x
};

/// A fixed point with F ≠ 0 at this h‖J‖, if one is found among `points` starting points.
std::optional<SpuriousPoint> search(NetIncrement& increment, double step, std::size_t points) {
  constexpr double h = IntervalRig<double>::t_end - IntervalRig<double>::t_begin;
  const double unit = h / step;  // 1/‖J‖
  // |X⁺ − X| is a few h max σ at most, that is a few h‖J‖ in units of 1/‖J‖.
  const double first = 1e-3;  // they may branch off from 0
  const double last = std::max(4.0, 6 * step);
  std::vector<double> x(points);
  for (std::size_t i = 0; i < points; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(points - 1);
    x[i] = unit * first * std::pow(last / first, share);
  }
  const std::vector<double> increments = increment(step, x);
  for (std::size_t i = 0; i + 1 < points; ++i) {
    if (!(increments[i] * increments[i + 1] <= 0)) {
      continue;
    }
    double low = x[i];
    double high = x[i + 1];
    for (int bisection = 0; bisection < 60; ++bisection) {
      const double middle = (low + high) / 2;
      const double value = increment(step, {middle}).front();
      (value * increments[i] > 0 ? low : high) = middle;
    }
    // A jump, as where the number of steps changes, is no fixed point; relative to F the increment is 0
    // there.
    if (std::abs(increment(step, {low}).front()) <= 1e-9) {
      return SpuriousPoint{step, low / unit};
    }
  }
  return std::nullopt;
}

/// The smallest h‖J‖ up to `largest` with a spurious fixed point.
std::optional<SpuriousPoint> smallest(NetIncrement increment, double largest, double factor,
                                      std::size_t points) {
  double below = 0.2;
  double step = below;
  while (step <= largest) {
    std::optional<SpuriousPoint> found = search(increment, step, points);
    if (found) {
      double above = step;
      for (int i = 0; i < 12; ++i) {
        const double middle = (below + above) / 2;
        const std::optional<SpuriousPoint> here = search(increment, middle, points);
        (here ? above : below) = middle;
        found = here ? here : found;
      }
      return found;
    }
    below = step;
    step *= factor;
  }
  return std::nullopt;
}

/// A step of length h on ẋ = z x / h in the complex plane, that is on two real components: the stability
/// function R(z), without its growth at 0: (R(z) − 1)/z. Where that is 0, every x is a fixed point.
class PlaneIncrement {
 public:
  using Complex = std::complex<double>;

  explicit PlaneIncrement(const std::shared_ptr<const IntervalMethod<double>>& method)
      : rig_(plane(), method, IntervalRig<double>::Running::none) {}

  /// NaN where the step fails.
  Complex operator()(Complex z) {
    const Complex a = z / (IntervalRig<double>::t_end - IntervalRig<double>::t_begin);
    State<double> X(2, 1);
    X << 1, 0;
    const auto result = rig_.advance(X, {a.real(), -a.imag(), a.imag(), a.real(), 0, 0});
    if (!result.status.ok()) {
      return std::numeric_limits<double>::quiet_NaN();
    }
    return (Complex(result.X(0, 0), result.X(1, 0)) - 1.0) / z;
  }

 private:
  static TestProblem plane() {
    TestProblem p;
    p.two_layer = false;
    p.activation = Activation::identity;
    p.n = 2;
    p.samples = 1;
    return p;
  }
  IntervalRig<double> rig_;
};

/// The smallest |z| ≤ `largest` of a root of (R(z) − 1)/z, by secants from a grid of the upper half plane.
std::optional<double> smallest_root(PlaneIncrement increment, double largest) {
  using Complex = PlaneIncrement::Complex;
  constexpr int angles = 13;
  constexpr int radii = 16;
  std::optional<double> smallest;
  for (int i = 1; i <= radii; ++i) {
    const double radius = std::min(largest, 16.0) * i / radii;
    for (int j = 0; j < angles; ++j) {
      Complex before = std::polar(radius, 3.14159265358979 * j / (angles - 1));
      Complex z = before * 1.01;
      Complex value_before = increment(before);
      Complex value = increment(z);
      for (int k = 0; k < 30 && std::abs(value) > 1e-11 && std::isfinite(std::abs(value)); ++k) {
        const Complex next = z - value * (z - before) / (value - value_before);
        before = z;
        value_before = value;
        z = next;
        if (!(std::abs(z) <= 2 * largest) || std::abs(z) < 1e-3) {
          break;
        }
        value = increment(z);
      }
      if (std::abs(value) <= 1e-9 && std::abs(z) <= largest && (!smallest || std::abs(z) < *smallest)) {
        smallest = std::abs(z);
      }
    }
  }
  return smallest;
}

}  // namespace

void check_spurious_fixed_points(const Subject& subject, Checklist& list) {
  const bool equal = subject.modes().front() == Steps::equal;
  list.run(
      equal ? Steps::equal : Steps::error_controlled, "equilibria-spurious",
      "Below the declared h‖J‖ a step has no fixed point that is no equilibrium of the field (Definition 17, "
      "the other direction), searched on ẋ = ∓tanh(a x) and, for equal steps, on linear fields in the plane.",
      [&] {
        const auto method =
            equal ? subject.equal_steps<double>(1) : subject.method<double>(Steps::error_controlled);
        const double largest = subject.options().largest_step;
        std::optional<SpuriousPoint> found;
        for (const double sign : {-1.0, 1.0}) {
          const auto here = equal ? smallest({method, sign}, largest, 1.02, 300)
                                  : smallest({method, sign}, largest, 1.3, 30);
          if (here && (!found || here->step < found->step)) {
            found = here;
          }
        }
        const double declared = subject.traits().spurious_from;
        const std::string promise = std::isfinite(declared) ? fmt::format("from {:.3g}", declared) : "never";
        const std::optional<double> linear =
            equal ? smallest_root(PlaneIncrement(method), largest) : std::nullopt;
        if (linear && (!found || *linear < found->step)) {
          return passed_if(
              declared <= *linear * 1.001,
              fmt::format("declared {}, found from h‖J‖ = {:.3f}, of a linear field", promise, *linear));
        }
        if (!found) {
          return passed_if(true, fmt::format("declared {}, none found up to h‖J‖ = {:g}", promise, largest));
        }
        return passed_if(declared <= found->step * 1.001,
                         fmt::format("declared {}, found from h‖J‖ = {:.3f}, at ‖J‖x = {:.3f}", promise,
                                     found->step, found->x));
      });
}

}  // namespace turnpike::conformance
