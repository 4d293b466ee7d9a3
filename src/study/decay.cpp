#include "study/decay.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace turnpike {

std::optional<DecayFit> fit_decay(std::span<const double> times, std::span<const double> distances) {
  assert(times.size() == distances.size() && !times.empty());
  const double plateau = *std::min_element(distances.begin(), distances.end());
  if (!(plateau > 0)) {
    return std::nullopt;
  }
  std::size_t points = 0;
  while (distances[points] > 2 * plateau) {
    ++points;
  }
  ++points;
  if (points < 3) {
    return std::nullopt;
  }
  const auto count = static_cast<double>(points);
  double mean_t = 0;
  double mean_y = 0;
  for (std::size_t k = 0; k < points; ++k) {
    mean_t += times[k] / count;
    mean_y += std::log(distances[k]) / count;
  }
  double product = 0;
  double square = 0;
  for (std::size_t k = 0; k < points; ++k) {
    product += (times[k] - mean_t) * (std::log(distances[k]) - mean_y);
    square += (times[k] - mean_t) * (times[k] - mean_t);
  }
  const double slope = product / square;
  return DecayFit{-slope, std::exp(mean_y - slope * mean_t), points};
}

}  // namespace turnpike
