#pragma once

#include <cstdint>

#include "turnpike/ensemble.hpp"

namespace turnpike {

/// Two intertwined spirals (Lang, Witbrock, Proc. Connectionist Models Summer School 1988).
struct TwoSpiralsOptions {
  Index per_class = 240;   ///< training samples a class, at least 2
  double turns = 3;        ///< revolutions of each arm, positive
  double scale = 6.5;      ///< radius of the outermost samples, positive; 6.5 are the original coordinates
  double noise = 0;        ///< standard deviation added to each coordinate, at least 0
  std::uint64_t seed = 1;  ///< of the noise
};

/// `per_class` samples of each class: s = linspace(0, 1), φ = 2π·turns·s, R = scale·(104 − 96 s)/104; class 0
/// at R (sin φ, cos φ), class 1 opposite; computed in double. Throws InputError for options
/// out of range.
template <class T = double>
Dataset<T> two_spirals(const TwoSpiralsOptions& options);

/// The same curves half-way between the training samples, per_class − 1 of each class, without noise.
template <class T = double>
Dataset<T> two_spirals_test(const TwoSpiralsOptions& options);

}  // namespace turnpike
