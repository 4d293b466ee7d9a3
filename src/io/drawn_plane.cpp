#include "io/drawn_plane.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

namespace turnpike {

DrawnPlane::Point DrawnPlane::place(std::span<const double> values) const {
  Point point;
  for (std::size_t c = 0; c < values.size(); ++c) {
    // A component without weight is left out: it must not spread what is not finite.
    point.x += x[c] != 0 ? x[c] * values[c] : 0;
    point.y += y[c] != 0 ? y[c] * values[c] : 0;
  }
  return point;
}

DrawnPlane drawn_plane(const std::vector<Index>& components, Index feature_count) {
  const std::size_t classes = components.size();
  DrawnPlane plane;
  plane.x.assign(classes, 0.0);
  plane.y.assign(classes, 0.0);
  if (classes == 2 || feature_count <= 2) {
    plane.x[0] = 1;
    plane.y[1] = 1;
    plane.x_name = fmt::format("x{}", components[0] + 1);
    plane.y_name = fmt::format("x{}", components[1] + 1);
    return plane;
  }
  for (std::size_t c = 0; c < classes; ++c) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(c) / static_cast<double>(classes);
    plane.x[c] = std::cos(angle);
    plane.y[c] = std::sin(angle);
  }
  plane.x_name = "Σ x_c cos θ_c";
  plane.y_name = "Σ x_c sin θ_c";
  plane.note = fmt::format(
      "Drawn are the {0} components that the loss sees, added up as vectors at the angles θ_c = 2πc/{0}: the "
      "surer a sample is of its class, the farther out it stands in the direction of that class.",
      classes);
  plane.components = false;
  return plane;
}

}  // namespace turnpike
