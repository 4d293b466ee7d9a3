#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <vector>

#include "problem/parallel.hpp"
#include "problem/pieces.hpp"
#include "problem/tile_set.hpp"
#include "turnpike/problem.hpp"

namespace turnpike {

/// What is summed over tiles on the way back, and the control's own part of V and ∇V. Each piece of the
/// control is a job for one thread; sums over tiles follow a fixed tree, sums over groups the order of the
/// samples.
template <class T>
class GradientSums {
 public:
  /// `definition` outlives the sums.
  explicit GradientSums(const ProblemDefinition<T>& definition)
      : definition_(definition),
        pieces_(definition.field->layout().size(), active_intervals(definition)),
        norms_(static_cast<std::size_t>(pieces_.count())),
        control_squares_(static_cast<std::size_t>(pieces_.count())) {}

  /// The squares that `control_term` sums.
  void sum_squares(const Control<T>& u) {
    parallel_for(definition_.threads, pieces_.count(), [&](Index p) { sum_squares(u, p); });
  }

  /// Σ_k h_k r‖u_k‖², after `sum_squares` or a pull_back with a sink.
  [[nodiscard]] T control_term() const {
    T sum(0);
    for (const T& square : control_squares_) {
      sum += square;
    }
    return sum;
  }

  /// Where the control term overflows.
  [[nodiscard]] IntegrationStatus overflow(const Control<T>& u) const {
    T sum(0);
    Index k = 0;
    for (; k + 1 < u.intervals(); ++k) {
      sum += T(definition_.grid.length(k) * definition_.r) * square_norm<T>(u.interval(k), u.layout().size());
      if (!is_finite(sum)) {
        break;
      }
    }
    return {{StepOutcome::not_finite, definition_.grid.node(k), definition_.grid.length(k), -1,
             "it is r‖u‖² that overflows; lower cost.r or optimizer.learning_rate"},
            k,
            -1};
  }

  /// ‖∇V‖₂ of the last gradient.
  [[nodiscard]] double gradient_norm() const {
    double sum = 0;
    for (const double square : norms_) {
      sum += square;
    }
    return std::sqrt(sum);
  }

  /// Σ over the group's tiles of ∇V, block of intervals by block, added to `gradient`; with the last group
  /// comes the gradient of r‖u‖².
  IntegrationStatus pull_back(TileSet<T>& set, Index group, Index tiles, const Control<T>& u,
                              Control<T>& gradient, const GradientSink<T>* sink) {
    const bool begins = group == 0;
    const bool ends = group + tiles == set.count;
    const std::atomic<bool>* const stop = ends && sink != nullptr ? nullptr : definition_.stop;
    set.gradients.resize(static_cast<std::size_t>(std::min(set.count, TileSet<T>::group_size)));
    for (Index slot = 0; slot < tiles; ++slot) {
      set.tile(group + slot).begin_pull_back();
    }
    for (Index block = pieces_.blocks() - 1; block >= 0; --block) {
      const Index first = pieces_.first_interval(block);
      const Index last = pieces_.first_interval(block + 1);
      parallel_for(definition_.threads, tiles, [&](Index slot) {
        const Index i = group + slot;
        std::vector<T>& own = set.gradients[static_cast<std::size_t>(slot)];
        own.assign(static_cast<std::size_t>((last - first) * u.layout().size()), T(0));
        IntegrationStatus& status = set.statuses[static_cast<std::size_t>(i)];
        status = set.tile(i).pull_back(u, first, last, own.data(), stop);
        status.sample = status.step.column < 0 ? -1 : i * set.columns + status.step.column;
      });
      for (Index i = group; i < group + tiles; ++i) {
        if (!set.statuses[static_cast<std::size_t>(i)].ok()) {
          return {};  // told by the tile's own status
        }
      }
      const Index from = pieces_.first_piece(block);
      parallel_for(definition_.threads, pieces_.first_piece(block + 1) - from, [&](Index p) {
        finish_piece(set, tiles, u, gradient, from + p, first, begins, ends, sink);
      });
      if (ends) {
        const IntegrationStatus status = check_gradient(gradient, block);
        if (!status.ok()) {
          return status;
        }
      }
    }
    return {};
  }

 private:
  static void add(const T* from, T* to, Index count) {
    for (Index i = 0; i < count; ++i) {
      to[i] += from[i];
    }
  }

  void finish_piece(TileSet<T>& set, Index tiles, const Control<T>& u, Control<T>& gradient, Index p,
                    Index first_interval, bool begins, bool ends, const GradientSink<T>* sink) {
    const Piece piece = pieces_.piece(p);
    const Index n_u = u.layout().size();
    const Index offset = piece.first - first_interval * n_u;
    const auto own = [&](Index slot) {
      return set.gradients[static_cast<std::size_t>(slot)].data() + offset;
    };
    for (Index stride = 1; stride < tiles; stride *= 2) {
      for (Index slot = 0; slot + stride < tiles; slot += 2 * stride) {
        add(own(slot + stride), own(slot), piece.count);
      }
    }
    T* const g = gradient.values().data() + piece.first;
    T* const sum = own(0);
    if (!begins) {
      add(g, sum, piece.count);
    }
    if (ends) {
      const T* const values = u.values().data() + piece.first;
      for (Index i = 0; i < piece.count;) {
        const Index k = (piece.first + i) / n_u;
        const Index end = std::min((k + 1) * n_u - piece.first, piece.count);
        const T weight = T(2 * definition_.grid.length(k) * definition_.r);
        for (; i < end; ++i) {
          sum[i] += weight * values[i];
        }
      }
      double& norm = norms_[static_cast<std::size_t>(p)];
      norm = square_norm<double>(sum, piece.count);
      if (sink != nullptr) {
        sum_squares(u, p);
        if (std::isfinite(norm)) {
          return (*sink)(piece.first, piece.count, sum);
        }
      }
    }
    std::copy_n(sum, piece.count, g);
  }

  /// Σ_k h_k r‖u_k‖² over the piece.
  void sum_squares(const Control<T>& u, Index p) {
    const Piece piece = pieces_.piece(p);
    const Index n_u = u.layout().size();
    T total(0);
    for (Index i = piece.first; i < piece.first + piece.count;) {
      const Index k = i / n_u;
      const Index end = std::min((k + 1) * n_u, piece.first + piece.count);
      total += T(definition_.grid.length(k) * definition_.r) * square_norm<T>(u.values().data() + i, end - i);
      i = end;
    }
    control_squares_[static_cast<std::size_t>(p)] = total;
  }

  /// Names the last interval of the block, the first on the way back, whose gradient is not finite.
  IntegrationStatus check_gradient(const Control<T>& gradient, Index block) const {
    const auto from = norms_.begin() + pieces_.first_piece(block);
    const auto to = norms_.begin() + pieces_.first_piece(block + 1);
    if (std::all_of(from, to, [](double norm) { return std::isfinite(norm); })) {
      return {};
    }
    const TimeGrid& grid = definition_.grid;
    Index k = pieces_.first_interval(block);
    // Only these pieces are sure to hold the gradient: a sink may keep something else in place of the others.
    for (Index p = pieces_.first_piece(block); p < pieces_.first_piece(block + 1); ++p) {
      const Piece piece = pieces_.piece(p);
      if (!std::isfinite(norms_[static_cast<std::size_t>(p)])) {
        for (Index i = piece.first; i < piece.first + piece.count; ++i) {
          if (!is_finite(gradient.values()[static_cast<std::size_t>(i)])) {
            k = std::max(k, i / gradient.layout().size());
          }
        }
      }
    }
    return {{StepOutcome::gradient_not_finite, grid.node(k), grid.length(k), -1}, k, -1};
  }

  const ProblemDefinition<T>& definition_;
  Pieces pieces_;
  std::vector<double> norms_;       // ‖·‖² of the gradient, piece by piece
  std::vector<T> control_squares_;  // Σ h_k r‖u_k‖², piece by piece
};

}  // namespace turnpike
