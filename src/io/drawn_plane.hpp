#pragma once

#include <span>
#include <string>
#include <vector>

#include "turnpike/ensemble.hpp"

namespace turnpike {

/// The plane in which a report draws samples, a linear image of the components that the loss sees.
struct DrawnPlane {
  std::vector<double> x;  ///< one weight a component
  std::vector<double> y;
  std::string x_name;
  std::string y_name;
  std::string note;        ///< a sentence on the plane; empty where the names say it all
  bool components = true;  ///< whether x and y are simply the first two components

  struct Point {
    double x = 0;
    double y = 0;
  };
  [[nodiscard]] Point place(std::span<const double> values) const;
};

/// The first two components of two classes, or of data in a plane. Otherwise the components added up as
/// vectors at equal angles (star coordinates: Kandogan 2000), in which every class has a direction of its own
/// and the direction (1, …, 1), along which cross-entropies are constant, becomes a point.
DrawnPlane drawn_plane(const std::vector<Index>& components, Index feature_count);

}  // namespace turnpike
