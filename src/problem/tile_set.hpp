#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

#include "problem/tile_work.hpp"
#include "turnpike/problem.hpp"

namespace turnpike {

/// Columns per tile for `samples` samples: one tile below 256, then tiles of about 240, a multiple of 16
/// each. Never depends on the number of threads.
inline Index default_tile(Index samples) {
  if (samples < 256) {
    return samples;
  }
  const Index tiles = (samples + 239) / 240;
  const Index columns = (samples + tiles - 1) / tiles;
  return (columns + 15) / 16 * 16;
}

/// The tiles of some number of samples: tile i works in the memory of slot i mod group_size.
template <class T>
struct TileSet {
  /// Tiles whose memory exists at the same time. A constant: the order of sums depends on it.
  static constexpr Index group_size = 16;

  Index count = 0;
  Index columns = 0;                                // of every tile but perhaps the last
  std::vector<std::unique_ptr<TileWork<T>>> slots;  // of tiles with `columns`
  std::unique_ptr<TileWork<T>> last;                // of the last tile where it has fewer
  std::vector<std::vector<T>> gradients;            // of one block, slot by slot
  std::vector<IntegrationStatus> statuses;
  std::vector<int> labels;    // of the tile in each slot
  bool labels_stand = false;  // all samples, each tile in a slot of its own: labels do not change
  std::vector<T> running;     // tile by tile
  std::vector<T> terminal;
  std::vector<Index> right;

  [[nodiscard]] TileWork<T>& tile(Index i) const {
    return i == count - 1 && last ? *last : *slots[static_cast<std::size_t>(i % group_size)];
  }

  TileSet(const ProblemDefinition<T>& definition, Index samples)
      : columns(std::min(samples, definition.tile > 0 ? definition.tile : default_tile(samples))) {
    count = (samples + columns - 1) / columns;
    const Index rest = samples - (count - 1) * columns;
    const Index full = rest == columns ? count : count - 1;
    for (Index i = 0; i < std::min(full, group_size); ++i) {
      slots.push_back(std::make_unique<TileWork<T>>(definition, columns));
    }
    if (full < count) {
      last = std::make_unique<TileWork<T>>(definition, rest);
    }
    const auto size = static_cast<std::size_t>(count);
    labels.resize(static_cast<std::size_t>(std::min(count, group_size) * columns));
    running.resize(size);
    terminal.resize(size);
    right.resize(size);
    statuses.resize(size);
  }
};

/// The failure of the lowest interval, or success.
inline IntegrationStatus earliest(const std::vector<IntegrationStatus>& statuses) {
  IntegrationStatus first;
  for (const IntegrationStatus& status : statuses) {
    if (!status.ok() && (first.ok() || status.interval < first.interval)) {
      first = status;
    }
  }
  return first;
}

}  // namespace turnpike
