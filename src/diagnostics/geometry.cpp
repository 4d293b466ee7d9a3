#include "turnpike/geometry.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "turnpike/error.hpp"

namespace turnpike {

namespace {

/// The least value of f on [low, high], which it enters decreasing and leaves increasing.
template <class Function>
double golden_section_minimum(Function&& f, double low, double high) {
  const double ratio = (std::sqrt(5.0) - 1) / 2;
  double left = high - ratio * (high - low);
  double right = low + ratio * (high - low);
  double at_left = f(left);
  double at_right = f(right);
  for (int i = 0; i < 60; ++i) {
    if (at_left < at_right) {
      high = right;
      right = left;
      at_right = at_left;
      left = high - ratio * (high - low);
      at_left = f(left);
    } else {
      low = left;
      left = right;
      at_left = at_right;
      right = low + ratio * (high - low);
      at_right = f(right);
    }
  }
  return std::min(at_left, at_right);
}

}  // namespace

SoftCrossEntropyGeometry::SoftCrossEntropyGeometry(Index classes, double p_d)
    : classes_(classes), p_d_(p_d), delta_(0) {
  if (classes < 2 || !(p_d * static_cast<double>(classes) > 1 && p_d < 1)) {
    throw InputError(
        fmt::format("C = {} classes and p_d = {}: give C of at least 2 and p_d in (1/C, 1)", classes, p_d));
  }
  delta_ = -std::log(static_cast<double>(classes - 1) * p_d / (1 - p_d));
}

std::vector<double> SoftCrossEntropyGeometry::minimizer(int y) const {
  const auto C = static_cast<double>(classes_);
  std::vector<double> point(static_cast<std::size_t>(classes_), delta_ / C);
  point[static_cast<std::size_t>(y)] = -(C - 1) / C * delta_;
  return point;
}

double SoftCrossEntropyGeometry::loss(std::span<const double> x, int y) const {
  assert(static_cast<Index>(x.size()) == classes_);
  const double rest = (1 - p_d_) / static_cast<double>(classes_ - 1);
  const double largest = *std::max_element(x.begin(), x.end());
  double sum = 0;
  double linear = 0;
  for (std::size_t c = 0; c < x.size(); ++c) {
    sum += std::exp(x[c] - largest);
    linear += (static_cast<int>(c) == y ? p_d_ : rest) * (largest - x[c]);
  }
  return linear + std::log(sum) + p_d_ * std::log(p_d_) + (1 - p_d_) * std::log(rest);
}

double SoftCrossEntropyGeometry::distance(std::span<const double> x, int y) const {
  assert(static_cast<Index>(x.size()) == classes_);
  const auto C = static_cast<double>(classes_);
  const double mean = std::accumulate(x.begin(), x.end(), 0.0) / C;
  double sum = 0;
  for (std::size_t c = 0; c < x.size(); ++c) {
    const double target = static_cast<int>(c) == y ? -(C - 1) / C * delta_ : delta_ / C;
    const double difference = x[c] - mean - target;
    sum += difference * difference;
  }
  return std::sqrt(sum);
}

double SoftCrossEntropyGeometry::curvature_bound() const {
  return (1 - p_d_) / static_cast<double>(classes_ - 1) * std::exp(-std::numbers::sqrt2);
}

double SoftCrossEntropyGeometry::closed_bound(double s) const {
  const double lambda = curvature_bound();
  return s <= 1 ? lambda * s * s / 2 : lambda * (s - 0.5);
}

double SoftCrossEntropyGeometry::sharp_bound(double s) const {
  const auto others = static_cast<double>(classes_ - 1);
  const double q = (1 - p_d_) / others;
  double least = std::numeric_limits<double>::infinity();
  // d = cos θ e₁ + sin θ e₂: e₁ separates the label from the others, e₂ m of the others from the rest.
  for (Index m = 0; m <= (classes_ - 1) / 2; ++m) {
    const auto first = static_cast<double>(m);
    const double second = others - first;
    const double label = std::sqrt(others / (others + 1));
    const double common = -1 / std::sqrt(others * (others + 1));
    const double up = m == 0 ? 0 : std::sqrt(second / (first * others));
    const double down = m == 0 ? 0 : -std::sqrt(first / (second * others));
    // With v = s d: ℓ̃ = log Σ q̃_i e^{v_i} − Σ q̃_i v_i.
    const auto loss_at = [&](double angle) {
      const double c = s * std::cos(angle);
      const double d = s * std::sin(angle);
      const double on_label = label * c;
      const double on_first = common * c + up * d;
      const double on_second = common * c + down * d;
      // Σ q̃ e^v − 1, summed from the small parts for accuracy at small s.
      const double excess =
          p_d_ * std::expm1(on_label) + q * first * std::expm1(on_first) + q * second * std::expm1(on_second);
      return std::log1p(excess) - p_d_ * on_label - q * (first * on_first + second * on_second);
    };
    if (m == 0) {
      least = std::min({least, loss_at(0), loss_at(std::numbers::pi)});
      continue;
    }
    constexpr int directions = 360;
    constexpr double width = 2 * std::numbers::pi / directions;
    std::vector<double> losses(directions);
    for (int i = 0; i < directions; ++i) {
      losses[static_cast<std::size_t>(i)] = loss_at(width * i);
    }
    for (int i = 0; i < directions; ++i) {
      const double here = losses[static_cast<std::size_t>(i)];
      const double before = losses[static_cast<std::size_t>((i + directions - 1) % directions)];
      const double after = losses[static_cast<std::size_t>((i + 1) % directions)];
      if (here <= before && here <= after) {
        least = std::min(least, golden_section_minimum(loss_at, width * (i - 1), width * (i + 1)));
      }
    }
  }
  return least;
}

}  // namespace turnpike
