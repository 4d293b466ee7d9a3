#pragma once

#include <algorithm>
#include <cmath>

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

}  // namespace turnpike
