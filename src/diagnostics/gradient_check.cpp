#include "turnpike/gradient_check.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "diagnostics/differences.hpp"
#include "turnpike/error.hpp"
#include "turnpike/random.hpp"

namespace turnpike {

namespace {

using Direction = std::vector<double>;

double norm(const Direction& d) { return std::sqrt(std::inner_product(d.begin(), d.end(), d.begin(), 0.0)); }

/// V along the line u + s d.
class Line {
 public:
  /// With `kinks`, V is NaN on the other side of a kink than u.
  Line(OptimalControlProblem<double>& problem, const Control<double>& u,
       const std::function<std::uint64_t()>& kinks)
      : problem_(problem), u_(u), point_(u), kinks_(kinks) {
    if (kinks_) {
      (void)kinks_();
      (void)problem_.value(u_);
      sides_ = kinks_();
    }
  }

  double operator()(const Direction& d, double s) {
    for (std::size_t i = 0; i < d.size(); ++i) {
      point_.values()[i] = u_.values()[i] + s * d[i];
    }
    const Objective objective = problem_.value(point_);
    if (objective.status.ok()) {
      const bool crossed = kinks_ && kinks_() != sides_;
      return crossed ? std::numeric_limits<double>::quiet_NaN() : objective.total();
    }
    if (kinks_) {
      (void)kinks_();
    }
    if (failure_.empty()) {
      failure_ = objective.status.message();
    }
    return std::numeric_limits<double>::quiet_NaN();
  }

  /// The first failure of an evaluation, empty when there was none.
  [[nodiscard]] const std::string& failure() const { return failure_; }

 private:
  OptimalControlProblem<double>& problem_;
  const Control<double>& u_;
  Control<double> point_;
  const std::function<std::uint64_t()>& kinks_;
  std::uint64_t sides_ = 0;
  std::string failure_;
};

auto along_line(Line& V, const Direction& d) {
  return [&](double s) { return V(d, s); };
}

double dot(const Control<double>& g, const Direction& d) {
  return std::inner_product(d.begin(), d.end(), g.values().begin(), 0.0);
}

/// The least-squares slope of log |remainder| over log ε, on the steps where the remainder stands clear of
/// rounding and of higher order terms.
bool taylor_slope(Line& V, const Direction& d, double derivative, double value, double& slope) {
  const double noise = 1e-12 * std::max(1.0, std::abs(value));
  std::vector<double> x;
  std::vector<double> y;
  for (int i = 8; i <= 30; ++i) {
    const double step = std::pow(2.0, -i);
    const double remainder = std::abs(V(d, step) - value - step * derivative);
    if (remainder > 30 * noise && std::isfinite(remainder)) {
      x.push_back(std::log(step));
      y.push_back(std::log(remainder));
    }
  }
  if (x.size() < 4) {
    return false;
  }
  const std::size_t first = x.size() - 4;  // the smallest steps are the most asymptotic ones
  double mean_x = 0;
  double mean_y = 0;
  for (std::size_t i = first; i < x.size(); ++i) {
    mean_x += x[i] / 4;
    mean_y += y[i] / 4;
  }
  double xy = 0;
  double xx = 0;
  for (std::size_t i = first; i < x.size(); ++i) {
    xy += (x[i] - mean_x) * (y[i] - mean_y);
    xx += (x[i] - mean_x) * (x[i] - mean_x);
  }
  slope = xy / xx;
  return true;
}

std::string name_entry(const Control<double>& u, std::size_t index) {
  const Index size = u.layout().size();
  const auto interval = static_cast<Index>(index) / size;
  const auto offset = static_cast<Index>(index) % size;
  for (const ControlBlock& block : u.layout().blocks()) {
    const Index at = offset - block.offset;
    if (at >= 0 && at < block.rows * block.columns) {
      return fmt::format("{}[{}, {}, {}]", block.name, interval, at / block.columns, at % block.columns);
    }
  }
  return {};
}

}  // namespace

ProblemDefinition<double> with_frozen_steps(ProblemDefinition<double> definition) {
  if (std::shared_ptr<const IntervalMethod<double>> frozen = definition.integrator->with_frozen_steps()) {
    definition.integrator = std::move(frozen);
  }
  return definition;
}

GradientCheckReport check_gradient(
    OptimalControlProblem<double>& problem, const Control<double>& u, const GradientCheckOptions& options,
    const std::function<void(const Control<double>&, Control<double>&)>& gradient) {
  if (options.directions < 1 || options.coordinates < 0) {
    throw InputError(
        fmt::format("a gradient check with {} random directions and {} coordinates; give at least 1 and 0",
                    options.directions, options.coordinates));
  }
  Control<double> g = problem.zero_control();
  const Objective objective = problem.value_and_gradient(u, g);
  if (!objective.status.ok() || !std::isfinite(objective.total())) {
    throw NumericalError("the gradient cannot be checked: " + objective.status.message());
  }
  if (gradient) {
    gradient(u, g);
  }
  GradientCheckReport report;
  Direction along(g.values().begin(), g.values().end());
  report.gradient_norm = norm(along);
  // Near a minimum ∇V sinks into the rounding of V; then V sets the scale.
  const double floor = std::max(1e-3 * std::abs(objective.total()), std::numeric_limits<double>::min());
  const double size = std::max(report.gradient_norm, floor);
  const auto normalize = [](Direction& d) {
    const double length = norm(d);
    for (double& entry : d) {
      entry /= length;
    }
  };

  std::vector<Direction> directions;
  if (report.gradient_norm > 0) {
    directions.push_back(along);
    normalize(directions.back());
  }
  Random random(options.seed, RandomPurpose::check);
  for (int i = 0; i < options.directions; ++i) {
    Direction d(along.size());
    std::generate(d.begin(), d.end(), [&] { return random.normal(); });
    normalize(d);
    directions.push_back(std::move(d));
  }

  std::vector<Index> entries(along.size());
  random.permute(entries);
  entries.resize(std::min(entries.size(), static_cast<std::size_t>(options.coordinates)));
  const auto all = static_cast<int>(directions.size() + entries.size());

  Line V(problem, u, options.kinks);
  bool agrees = true;
  int directions_left = 0;
  // Steps small enough to pass no kink are smaller than those that see most digits.
  const int more_rungs = options.kinks ? 8 : 0;
  const double rounding = 4 * std::numeric_limits<double>::epsilon() * std::abs(objective.total());
  const auto eighth_order = [&](const Direction& d, int rungs) {
    if (options.progress) {
      options.progress(report.differences, all);
    }
    DifferenceEstimate estimate = best_of_ladder(
        [&](double h) {
          const bool crosses = options.kinks && !std::isfinite(V(d, 4 * h) + V(d, -4 * h));
          return crosses ? std::numeric_limits<double>::quiet_NaN()
                         : eighth_order_difference(along_line(V, d), h);
        },
        0.1, rungs + more_rungs);
    if (options.kinks && estimate.step > 0) {
      // Steps this small agree by chance to less than the rounding of V leaves of them.
      estimate.resolution = std::max(estimate.resolution, rounding / estimate.step);
    }
    return estimate;
  };
  const auto is_left_out = [&](const DifferenceEstimate& estimate) {
    ++report.differences;
    const bool left_out = options.kinks && V.failure().empty() && std::isinf(estimate.resolution);
    report.across_kinks += left_out ? 1 : 0;
    return left_out;
  };
  const auto compare = [&](double exact, const DifferenceEstimate& estimate, double scale, double& worst) {
    const double error = std::abs(exact - estimate.value) / scale;
    const double resolution = estimate.resolution / scale;
    const bool larger = !(error <= worst);
    worst = larger ? error : worst;
    report.resolution = std::max(report.resolution, resolution);
    agrees =
        agrees && error <= std::max(options.tolerance, 10 * resolution) && resolution <= options.coarsest;
    return larger;
  };
  for (const Direction& d : directions) {
    const double exact = dot(g, d);
    const DifferenceEstimate eighth = eighth_order(d, 18);
    if (is_left_out(eighth)) {
      continue;
    }
    ++directions_left;
    compare(exact, eighth, size, report.difference_error);
    const DifferenceEstimate second =
        best_of_ladder([&](double h) { return (V(d, h) - V(d, -h)) / (2 * h); }, 1e-3, 16);
    report.central_error = std::max(report.central_error, std::abs(exact - second.value) / size);
  }

  double largest = floor;
  for (const double entry : along) {
    largest = std::max(largest, std::abs(entry));
  }
  for (const Index index : entries) {
    const auto i = static_cast<std::size_t>(index);
    Direction d(along.size(), 0.0);
    d[i] = 1;
    const DifferenceEstimate eighth = eighth_order(d, 14);
    if (!is_left_out(eighth) && compare(along[i], eighth, largest, report.coordinate_error)) {
      report.worst_entry = name_entry(u, i);
    }
  }

  if (std::isfinite(options.slope_tolerance)) {
    // Along a random direction: the gradient's own is nearly stationary after training.
    const Direction& d = directions.back();
    report.slope_measured = taylor_slope(V, d, dot(g, d), objective.total(), report.taylor_slope);
  }
  if (!agrees && !V.failure().empty()) {
    throw NumericalError("the gradient cannot be checked, because V fails close by: " + V.failure());
  }
  agrees = agrees && (!report.slope_measured || std::abs(report.taylor_slope - 2) <= options.slope_tolerance);
  const bool enough = 2 * report.across_kinks <= report.differences && directions_left > 0;
  report.passed = agrees && enough;
  report.undecided = agrees && !enough;
  return report;
}

std::string GradientCheckReport::brief() const {
  if (undecided) {
    return fmt::format("not confirmed: {} of {} differences pass a kink at every step size", across_kinks,
                       differences);
  }
  return fmt::format("{}: relative error {:.1e} where differences resolve {:.1e}, Taylor slope {}{}",
                     passed ? "passed" : "FAILED", std::max(difference_error, coordinate_error), resolution,
                     slope_measured ? fmt::format("{:.3f}", taylor_slope) : "not measurable",
                     across_kinks > 0
                         ? fmt::format(", {} of {} differences left out at kinks", across_kinks, differences)
                         : "");
}

std::string GradientCheckReport::full() const {
  return fmt::format(
      "gradient norm                            {:.6g}\n"
      "8th-order differences, relative error    {:.2e}\n"
      "single entries, relative error           {:.2e}  (worst: {})\n"
      "what these differences resolve           {:.2e}\n"
      "central differences, relative error      {:.2e}\n"
      "Taylor remainder, slope (2 expected)     {}\n"
      "{}"
      "verdict                                  {}\n",
      gradient_norm, difference_error, coordinate_error, worst_entry, resolution, central_error,
      slope_measured ? fmt::format("{:.4f}", taylor_slope) : "not measurable",
      across_kinks > 0
          ? fmt::format("differences left out at kinks            {} of {}\n", across_kinks, differences)
          : "",
      passed ? "passed" : (undecided ? "not confirmed" : "FAILED"));
}

}  // namespace turnpike
