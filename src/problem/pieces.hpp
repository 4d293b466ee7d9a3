#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "turnpike/ensemble.hpp"

namespace turnpike {

/// Some entries of a control, consecutive in its flat vector.
struct Piece {
  Index first = 0;
  Index count = 0;
};

/// How the way back divides a control of M intervals of n_u entries. A block of intervals is what all tiles
/// pass before their gradients are added; a piece is what one thread adds at a time, small enough to stay in
/// cache. Neither depends on the number of threads.
class Pieces {
 public:
  Pieces(Index n_u, Index intervals) : intervals_(intervals) {
    constexpr Index block_entries = Index{1} << 18;
    constexpr Index piece_entries = Index{1} << 14;
    block_intervals_ = std::clamp<Index>(block_entries / std::max<Index>(n_u, 1), 1, intervals);
    for (Index first = 0; first < intervals; first += block_intervals_) {
      first_pieces_.push_back(static_cast<Index>(pieces_.size()));
      const Index end = std::min(first + block_intervals_, intervals) * n_u;
      for (Index entry = first * n_u; entry < end; entry += piece_entries) {
        pieces_.push_back({entry, std::min(piece_entries, end - entry)});
      }
    }
    first_pieces_.push_back(static_cast<Index>(pieces_.size()));
  }

  [[nodiscard]] Index count() const { return static_cast<Index>(pieces_.size()); }
  [[nodiscard]] Piece piece(Index p) const { return pieces_[static_cast<std::size_t>(p)]; }
  [[nodiscard]] Index blocks() const { return static_cast<Index>(first_pieces_.size()) - 1; }
  [[nodiscard]] Index first_interval(Index block) const {
    return std::min(block * block_intervals_, intervals_);
  }
  [[nodiscard]] Index first_piece(Index block) const {
    return first_pieces_[static_cast<std::size_t>(block)];
  }

 private:
  Index intervals_;
  Index block_intervals_ = 1;
  std::vector<Piece> pieces_;
  std::vector<Index> first_pieces_;
};

/// Σ x_i² in the arithmetic of Sum: partial sums, so that the order is fixed and the loop vectorizes, and
/// more of them than one register holds, so that no addition waits for the one before.
template <class Sum, class T>
Sum square_norm(const T* x, Index count) {
  constexpr Index parts = 32;
  std::array<Sum, parts> sums{};
  Index i = 0;
  for (; i + parts <= count; i += parts) {
    for (Index j = 0; j < parts; ++j) {
      const auto value = static_cast<Sum>(x[i + j]);
      sums[static_cast<std::size_t>(j)] += value * value;
    }
  }
  for (; i < count; ++i) {
    const auto value = static_cast<Sum>(x[i]);
    sums[0] += value * value;
  }
  Sum total(0);
  for (const Sum& sum : sums) {
    total += sum;
  }
  return total;
}

}  // namespace turnpike
