#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "turnpike/control.hpp"

namespace turnpike {

/// The share of accuracy that a cropped network may lose.
inline constexpr double cropping_tolerance = 0.001;

/// What it costs to drop the last layers. Classes are read off the state itself, so a network of K′ < K
/// layers classifies as the state at node K′ does.
struct Cropping {
  std::size_t depth = 0;              ///< K′, the fewest layers that cost at most the tolerance
  std::size_t layers = 0;             ///< K
  double train_change = 0;            ///< accuracy at K′ minus that at K
  std::optional<double> test_change;  ///< the same of the test samples, where there are any
  double tolerance = cropping_tolerance;
  /// The fewest layers after which it is proved, from the control and the states there, that the others
  /// change the class of at most that share of the samples; absent where nothing is proved.
  std::optional<std::size_t> certified_depth;

  /// One or two sentences.
  [[nodiscard]] std::string text() const;
};

/// The fewest layers with which both accuracies are at most `tolerance` below those of the full depth.
/// `train` and `test` hold the accuracies at the nodes 0, …, K; `test` may be empty.
Cropping find_cropping(std::span<const double> train, std::span<const double> test,
                       double tolerance = cropping_tolerance);

/// The first node at which both certified shares (Measurement::certified_share) are at least 1 − `tolerance`;
/// `test` may be empty. At the last node they are 1.
std::size_t find_certified_depth(std::span<const double> train, std::span<const double> test,
                                 double tolerance = cropping_tolerance);

/// The first `depth` intervals of `u`, at least 1 of them.
template <class T>
Control<T> first_intervals(const Control<T>& u, Index depth);

/// t_0, …, t_depth of `grid`, depth ≥ 1: the same step sizes to the bit.
TimeGrid first_intervals(const TimeGrid& grid, Index depth);

}  // namespace turnpike
