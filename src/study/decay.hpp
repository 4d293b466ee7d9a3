#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace turnpike {

/// d(t) ≈ β e^{−ρt}, Assumption 15 as a fit.
struct DecayFit {
  double rate = 0;         ///< ρ, a unit of time
  double factor = 0;       ///< β
  std::size_t points = 0;  ///< nodes that were fitted
};

/// The least-squares line through log distance over the nodes from the start to the first one whose distance
/// is at most twice the smallest of all: the approach without the plateau. Nothing when that are fewer than 3
/// nodes.
std::optional<DecayFit> fit_decay(std::span<const double> times, std::span<const double> distances);

}  // namespace turnpike
