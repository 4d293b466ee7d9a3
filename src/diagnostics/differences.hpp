#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace turnpike {

/// D₈f(0) = Σ_i c_i (f(iε) − f(−iε))/ε with c = (4/5, −1/5, 4/105, −1/280), off by O(ε⁸).
template <class Function>
double eighth_order_difference(Function&& f, double step) {
  constexpr std::array<double, 4> c = {4.0 / 5, -1.0 / 5, 4.0 / 105, -1.0 / 280};
  double sum = 0;
  for (std::size_t i = 0; i < c.size(); ++i) {
    const double s = step * static_cast<double>(i + 1);
    sum += c[i] * (f(s) - f(-s));
  }
  return sum / step;
}

/// A derivative by differences, and how far it can be trusted.
struct DifferenceEstimate {
  double value = std::numeric_limits<double>::quiet_NaN();
  double resolution = std::numeric_limits<double>::infinity();
  double step = 0;  ///< of the difference that was taken; 0 when none was
};

/// Differences at the steps first, first/2, first/4, …: the estimate is the one that agrees best with the one
/// before, which sees the truncation, and the two after it, which see the rounding; its resolution is the
/// largest of the three disagreements.
template <class Difference>
DifferenceEstimate best_of_ladder(Difference&& difference, double first, int rungs) {
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(rungs));
  for (int i = 0; i < rungs; ++i) {
    values.push_back(difference(std::ldexp(first, -i)));
  }
  DifferenceEstimate best;
  for (std::size_t i = 1; i + 2 < values.size(); ++i) {
    const double apart = std::max({std::abs(values[i] - values[i - 1]), std::abs(values[i] - values[i + 1]),
                                   std::abs(values[i] - values[i + 2])});
    const bool finite = std::isfinite(values[i - 1] + values[i] + values[i + 1] + values[i + 2]);
    if (finite && apart < best.resolution) {
      best = {values[i], apart, std::ldexp(first, -static_cast<int>(i))};
    }
  }
  return best;
}

}  // namespace turnpike
