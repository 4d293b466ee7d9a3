#include "turnpike/geometry.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "turnpike/error.hpp"

namespace turnpike {

namespace {

/// Where f is least on [low, high], which it enters decreasing and leaves increasing.
template <class Function>
double golden_section_minimizer(Function&& f, double low, double high) {
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
  return at_left < at_right ? left : right;
}

/// Directions d ⟂ 1, ‖d‖ = 1, whose C − 1 entries off the label take at most two values, `first` of them one
/// and the others another: d = cos θ e₁ + sin θ e₂, where e₁ separates the label from the others and e₂ the
/// first of them from the rest.
class TwoValuedDirections {
 public:
  TwoValuedDirections(Index classes, Index first, double p_d)
      : first_(static_cast<double>(first)),
        others_(static_cast<double>(classes - 1)),
        p_d_(p_d),
        q_((1 - p_d) / others_),
        label_(std::sqrt(others_ / (others_ + 1))),
        common_(-1 / std::sqrt(others_ * (others_ + 1))),
        up_(first == 0 ? 0 : std::sqrt((others_ - first_) / (first_ * others_))),
        down_(first == 0 ? 0 : -std::sqrt(first_ / ((others_ - first_) * others_))) {}

  /// ℓ̃(x̃* + s d) = log Σ q̃_i e^{v_i} − Σ q̃_i v_i with v = s d.
  [[nodiscard]] double loss(double s, double angle) const {
    const Entries v = entries(s, angle);
    const double largest = v.largest();
    if (largest > 30) {
      return largest + std::log(exponentials(v, largest).sum()) - linear(v);
    }
    // Σ q̃ e^v − 1, summed from the small parts for accuracy at small s.
    const double excess = p_d_ * std::expm1(v.label) + q_ * first_ * std::expm1(v.first) +
                          q_ * (others_ - first_) * std::expm1(v.rest);
    return std::log1p(excess) - linear(v);
  }

  /// d/ds of `loss`, s > 0.
  [[nodiscard]] double slope(double s, double angle) const {
    const Entries v = entries(s, angle);
    const Entries e = exponentials(v, v.largest());
    const double mean = (e.label * v.label + e.first * v.first + e.rest * v.rest) / e.sum();
    return (mean - linear(v)) / s;
  }

  /// The least eigenvalue orthogonal to 1 of the Hessian diag(p) − ppᵀ at x̃* + d.
  [[nodiscard]] double curvature(double angle) const {
    const Entries v = entries(1, angle);
    const double label = p_d_ * std::exp(v.label);
    const double first = first_ == 0 ? 0 : q_ * std::exp(v.first);
    const double rest = q_ * std::exp(v.rest);
    const double count = others_ - first_;
    const double sum = label + first_ * first + count * rest;
    const double a = label / sum;
    const double b = first / sum;
    const double c = rest / sum;
    // Vectors that are constant on the label, the first and the rest: there one eigenvalue is 0, and the
    // others have this sum and product. Within a group of two or more the eigenvalue is the group's p.
    const double trace = a + b + c - a * a - first_ * b * b - count * c * c;
    double least = trace;
    if (first_ > 0) {
      const double product = (others_ + 1) * a * b * c;
      least = 2 * product / (trace + std::sqrt(std::max(0.0, trace * trace - 4 * product)));
    }
    if (first_ >= 2) {
      least = std::min(least, b);
    }
    if (count >= 2) {
      least = std::min(least, c);
    }
    return least;
  }

 private:
  struct Entries {
    double label, first, rest;
    [[nodiscard]] double sum() const { return label + first + rest; }
    [[nodiscard]] double largest() const { return std::max({label, first, rest}); }
  };
  /// Σ q̃ e^{v − shift} over the label, over the first of the others, and over the rest.
  [[nodiscard]] Entries exponentials(const Entries& v, double shift) const {
    return {p_d_ * std::exp(v.label - shift), q_ * first_ * std::exp(v.first - shift),
            q_ * (others_ - first_) * std::exp(v.rest - shift)};
  }
  [[nodiscard]] Entries entries(double s, double angle) const {
    const double c = s * std::cos(angle);
    const double d = s * std::sin(angle);
    return {label_ * c, common_ * c + up_ * d, common_ * c + down_ * d};
  }
  [[nodiscard]] double linear(const Entries& v) const {
    return p_d_ * v.label + q_ * (first_ * v.first + (others_ - first_) * v.rest);
  }

  double first_, others_, p_d_, q_, label_, common_, up_, down_;
};

/// Calls `consider(angle)` at every local minimum of `f`, 2π-periodic, that a grid of 360 angles shows.
template <class Function, class Consider>
void visit_minima(Function&& f, Consider&& consider) {
  constexpr int count = 360;
  constexpr double width = 2 * std::numbers::pi / count;
  std::array<double, count> values{};
  for (int i = 0; i < count; ++i) {
    values[static_cast<std::size_t>(i)] = f(width * i);
  }
  for (int i = 0; i < count; ++i) {
    const double here = values[static_cast<std::size_t>(i)];
    const double before = values[static_cast<std::size_t>((i + count - 1) % count)];
    const double after = values[static_cast<std::size_t>((i + 1) % count)];
    if (here <= before && here <= after) {
      consider(golden_section_minimizer(f, width * (i - 1), width * (i + 1)));
    }
  }
}

/// Table nodes lie at s = e^{jh} − 1.
constexpr double table_step = 1.0 / 256;

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
  std::vector<double> difference(x.size());
  offset(x, y, difference);
  return std::sqrt(std::inner_product(difference.begin(), difference.end(), difference.begin(), 0.0));
}

void SoftCrossEntropyGeometry::offset(std::span<const double> x, int y, std::span<double> offset) const {
  assert(static_cast<Index>(x.size()) == classes_ && offset.size() == x.size());
  const auto C = static_cast<double>(classes_);
  const double mean = std::accumulate(x.begin(), x.end(), 0.0) / C;
  for (std::size_t c = 0; c < x.size(); ++c) {
    const double target = static_cast<int>(c) == y ? -(C - 1) / C * delta_ : delta_ / C;
    offset[c] = x[c] - mean - target;
  }
}

double SoftCrossEntropyGeometry::curvature() const {
  double least = std::numeric_limits<double>::infinity();
  for (Index first = 0; first <= (classes_ - 1) / 2; ++first) {
    const TwoValuedDirections directions(classes_, first, p_d_);
    const auto curvature = [&](double angle) { return directions.curvature(angle); };
    if (first == 0) {
      least = std::min({least, curvature(0), curvature(std::numbers::pi)});
    } else {
      visit_minima(curvature, [&](double angle) { least = std::min(least, curvature(angle)); });
    }
  }
  return std::max(least, curvature_bound());
}

double SoftCrossEntropyGeometry::curvature_bound() const {
  return (1 - p_d_) / static_cast<double>(classes_ - 1) * std::exp(-std::numbers::sqrt2);
}

double SoftCrossEntropyGeometry::closed_bound(double s) const {
  const double lambda = curvature_bound();
  return s <= 1 ? lambda * s * s / 2 : lambda * (s - 0.5);
}

double SoftCrossEntropyGeometry::tangent_bound(double s) const {
  return s <= 1 ? curvature() * s * s / 2 : sharp_bound(1) * s;
}

double SoftCrossEntropyGeometry::sharp_bound(double s) const { return sharp_minimum(s).value; }

SoftCrossEntropyGeometry::SharpMinimum SoftCrossEntropyGeometry::sharp_minimum(double s) const {
  SharpMinimum least;
  if (s == 0) {
    return least;
  }
  least.value = std::numeric_limits<double>::infinity();
  const auto consider = [&](const TwoValuedDirections& directions, Index first, double angle) {
    const double value = directions.loss(s, angle);
    if (value < least.value) {
      least = {value, directions.slope(s, angle), first, angle};
    }
  };
  for (Index first = 0; first <= (classes_ - 1) / 2; ++first) {
    const TwoValuedDirections directions(classes_, first, p_d_);
    if (first == 0) {
      consider(directions, first, 0);
      consider(directions, first, std::numbers::pi);
      continue;
    }
    visit_minima([&](double angle) { return directions.loss(s, angle); },
                 [&](double angle) { consider(directions, first, angle); });
  }
  least.value = std::max(least.value, closed_bound(s));
  return least;
}

SharpBoundTable::SharpBoundTable(const SoftCrossEntropyGeometry& geometry, double largest)
    : geometry_(geometry) {
  if (geometry.classes() == 2) {
    return;  // two directions: exact values cost no more
  }
  assert(std::isfinite(largest) && largest >= 0);
  const auto cells = static_cast<Index>(std::ceil(std::log1p(largest) / table_step));
  for (Index j = 0; j <= cells; ++j) {
    nodes_.push_back(geometry.sharp_minimum(std::expm1(table_step * static_cast<double>(j))));
  }
  for (std::size_t j = 0; j + 1 < nodes_.size(); ++j) {
    // A search to about √(machine precision) tells neighbours on one branch from another branch.
    const bool same =
        nodes_[j].split == nodes_[j + 1].split && std::abs(nodes_[j].angle - nodes_[j + 1].angle) < 0.05;
    smooth_.push_back(same && j > 0 ? 1 : 0);  // next to 0 the values are too small for their rounding
  }
}

double SharpBoundTable::operator()(double s) const {
  const double place = std::log1p(s) / table_step;
  const auto j = static_cast<std::size_t>(place);
  if (j >= smooth_.size() || smooth_[j] == 0) {
    return geometry_.sharp_bound(s);
  }
  const SoftCrossEntropyGeometry::SharpMinimum& a = nodes_[j];
  const SoftCrossEntropyGeometry::SharpMinimum& b = nodes_[j + 1];
  const double low = std::expm1(table_step * static_cast<double>(j));
  const double h = std::expm1(table_step * static_cast<double>(j + 1)) - low;
  const double t = (s - low) / h;
  const double u = 1 - t;
  return u * u * ((1 + 2 * t) * a.value + t * h * a.slope) +
         t * t * ((1 + 2 * u) * b.value - u * h * b.slope);
}

}  // namespace turnpike
