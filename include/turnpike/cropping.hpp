#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace turnpike {

/// What it costs to drop the last layers. Classes are read off the state itself, so a network of K′ < K
/// layers classifies as the state at node K′ does.
struct Cropping {
  std::size_t depth = 0;              ///< K′, the fewest layers that cost at most the tolerance
  std::size_t layers = 0;             ///< K
  double train_change = 0;            ///< accuracy at K′ minus that at K
  std::optional<double> test_change;  ///< the same of the test samples, where there are any

  /// One sentence.
  [[nodiscard]] std::string text() const;
};

/// The share of accuracy that a cropped network may lose.
inline constexpr double cropping_tolerance = 0.001;

/// The fewest layers with which both accuracies are at most `tolerance` below those of the full depth.
/// `train` and `test` hold the accuracies at the nodes 0, …, K; `test` may be empty.
Cropping find_cropping(std::span<const double> train, std::span<const double> test,
                       double tolerance = cropping_tolerance);

}  // namespace turnpike
