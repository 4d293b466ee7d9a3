#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "turnpike/turnpike.hpp"

namespace turnpike {

/// The share of the segment from a to b on which ‖a + θ(b − a)‖² > `level`, from ‖a‖², ⟨a, b⟩ and ‖b‖²; the
/// crossings are exact.
inline double share_outside(double a_squared, double product, double b_squared, double level) {
  if (level < 0) {
    return 1;
  }
  // ‖a + θ(b − a)‖² = a² − 2pθ + qθ², convex in θ.
  const double q = std::max(0.0, a_squared - 2 * product + b_squared);
  const double p = a_squared - product;
  if (a_squared <= level && b_squared <= level) {
    return 0;
  }
  const double discriminant = p * p - q * (a_squared - level);
  if (discriminant <= 0 || q == 0) {
    return 1;
  }
  const double root = std::sqrt(discriminant);
  const double enter = std::clamp((p - root) / q, 0.0, 1.0);
  const double leave = std::clamp((p + root) / q, 0.0, 1.0);
  return 1 - (leave - enter);
}

/// Squared distances at successive times, inner products of the offsets there (one fewer), and losses.
struct Path {
  std::vector<double> squares;
  std::vector<double> products;
  std::vector<double> losses;
};

/// The path of sample d of `m`, without losses.
inline Path path_of(const Measurement& m, std::size_t d) {
  Path path;
  for (const std::vector<double>& distances : m.distances) {
    path.squares.push_back(distances[d] * distances[d]);
  }
  for (const std::vector<double>& products : m.products) {
    path.products.push_back(products[d]);
  }
  return path;
}

/// μ[Θ]: how long the squared distance is above `level(j)` between times j and j + 1, on lines between the
/// times.
template <class Level>
double time_outside(const Path& path, std::span<const double> times, Level&& level) {
  double outside = 0;
  for (std::size_t j = 0; j + 1 < times.size(); ++j) {
    outside += (times[j + 1] - times[j]) *
               share_outside(path.squares[j], path.products[j], path.squares[j + 1], level(j));
  }
  return outside;
}

/// #Q̄: the layers k < K whose squared distance is above `level(k)`.
template <class Level>
double layers_outside(const Path& path, Level&& level) {
  double outside = 0;
  for (std::size_t k = 0; k + 1 < path.squares.size(); ++k) {
    outside += path.squares[k] > level(k) ? 1 : 0;
  }
  return outside;
}

}  // namespace turnpike
