#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "problem/parallel.hpp"
#include "problem/pieces.hpp"
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

/// The three terms of V in the scalar type of the computation.
template <class T>
struct ObjectiveTerms {
  T running = T(0);
  T control = T(0);
  T terminal = T(0);
  Index right = 0;  // samples whose largest loss component at T is that of their class
  double gradient_norm = 0;
  IntegrationStatus status;
};

/// Evaluates V and ∇V for any scalar type T, dual numbers included. Samples are split into tiles of fixed
/// columns; a few tiles at a time, a group, hold the memory for their way through the layers and back. Each
/// tile is a job for one thread, and so is each piece of the control on the way back; sums over tiles follow
/// a fixed tree, sums over groups the order of the samples.
template <class T>
class EnsembleEvaluator {
 public:
  /// The states start at the features of `data`, with zeros below them.
  EnsembleEvaluator(ProblemDefinition<T> definition, std::shared_ptr<const Dataset<T>> data)
      : definition_(std::move(definition)),
        data_(std::move(data)),
        pieces_(definition_.field->layout().size(), active_intervals(definition_)),
        norms_(static_cast<std::size_t>(pieces_.count())),
        control_squares_(static_cast<std::size_t>(pieces_.count())) {
    // A scheme whose memory cannot be set up is refused here, before anything is computed.
    const TileWork<T> trial(definition_, 1);
  }
  /// `X0` is n×D.
  EnsembleEvaluator(ProblemDefinition<T> definition, State<T> X0, std::vector<int> labels)
      : EnsembleEvaluator(std::move(definition), data_set(std::move(X0), std::move(labels))) {}
  EnsembleEvaluator(const EnsembleEvaluator&) = delete;
  EnsembleEvaluator& operator=(const EnsembleEvaluator&) = delete;
  ~EnsembleEvaluator() = default;

  [[nodiscard]] const ProblemDefinition<T>& definition() const { return definition_; }
  [[nodiscard]] const std::vector<int>& labels() const { return data_->labels; }
  [[nodiscard]] Index sample_count() const { return data_->size(); }
  [[nodiscard]] Index piece_count() const { return pieces_.count(); }
  void visit_pieces(const GradientSink& visit) const {
    for (Index p = 0; p < pieces_.count(); ++p) {
      visit(p, pieces_.piece(p).first, pieces_.piece(p).count);
    }
  }

  ObjectiveTerms<T> value(const Control<T>& u) {
    return run(tiles_for(sample_count()), u, nullptr, nullptr, nullptr, [](Index, Index, TileWork<T>&) {});
  }

  /// Means over the samples `batch`, over all where it is empty.
  ObjectiveTerms<T> value_and_gradient(const Control<T>& u, std::span<const Index> batch,
                                       Control<T>& gradient, const GradientSink& sink = {}) {
    const Index samples = batch.empty() ? sample_count() : static_cast<Index>(batch.size());
    return run(tiles_for(samples), u, batch.empty() ? nullptr : batch.data(), &gradient,
               sink ? &sink : nullptr, [](Index, Index, TileWork<T>&) {});
  }
  ObjectiveTerms<T> value_and_gradient(const Control<T>& u, Control<T>& gradient) {
    return value_and_gradient(u, {}, gradient);
  }

  /// Calls visit(j, first sample, X) with all states at `points` ≥ 1 times an interval, of the whole horizon.
  template <class Visit>
  ObjectiveTerms<T> visit_states(const Control<T>& u, Index points, Visit&& visit) {
    const Index M = active_intervals(definition_);
    const Index K = definition_.grid.intervals();
    const auto at_node = [&](Index k, Index first, TileWork<T>& tile) {
      const ConstTile<T> X = tile_of(std::as_const(tile.state()));
      for (Index later = k; later <= (k == M ? K : k); ++later) {
        visit(later * points, first, X);
      }
    };
    ObjectiveTerms<T> terms = run(tiles_for(sample_count()), u, nullptr, nullptr, nullptr, at_node);
    if (points > 1) {
      TileSet& set = tiles_for(sample_count());
      std::vector<IntegrationStatus> statuses(static_cast<std::size_t>(set.count));
      for (Index group = 0; group < set.count; group += group_size) {
        parallel_for(definition_.threads, std::min(group_size, set.count - group), [&](Index i) {
          TileWork<T>& tile = set.tile(group + i);
          const Index first = (group + i) * set.columns;
          load(tile, first, nullptr);
          IntegrationStatus& own = statuses[static_cast<std::size_t>(group + i)];
          own = tile.advance_dense(u, points, [&](Index j, const State<T>& X) {
            if (j % points != 0) {
              visit(j, first, tile_of(X));
            }
          });
          own.sample = own.step.column < 0 ? -1 : first + own.step.column;
        });
      }
      statuses.push_back(terms.status);
      terms.status = earliest(statuses);  // what lies behind a failure has been visited all the same
    }
    return terms;
  }

  /// K·points + 1 states, fewer when the integration fails.
  std::vector<State<T>> states(const Control<T>& u, IntegrationStatus& status, Index points) {
    const Index K = definition_.grid.intervals();
    std::vector<State<T>> nodes(static_cast<std::size_t>(K * points) + 1,
                                State<T>(definition_.field->state_dimension(), sample_count()));
    status = visit_states(u, points, [&](Index j, Index first, ConstTile<T> X) {
               nodes[static_cast<std::size_t>(j)].middleCols(first, X.columns) = matrix(X);
             }).status;
    if (!status.ok()) {
      nodes.resize(static_cast<std::size_t>(status.interval * points) + 1);
    }
    return nodes;
  }

 private:
  /// Tiles whose memory exists at the same time. A constant: the order of sums depends on it.
  static constexpr Index group_size = 16;

  /// The tiles of some number of samples: tile i works in the memory of slot i mod group_size.
  struct TileSet {
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
  };

  static std::shared_ptr<const Dataset<T>> data_set(State<T>&& X0, std::vector<int>&& labels) {
    auto data = std::make_shared<Dataset<T>>();
    data->features = std::move(X0);
    data->labels = std::move(labels);
    return data;
  }

  TileSet& tiles_for(Index samples) {
    const auto found = sets_.find(samples);
    if (found != sets_.end()) {
      return found->second;
    }
    TileSet set;
    set.columns = std::min(samples, definition_.tile > 0 ? definition_.tile : default_tile(samples));
    set.count = (samples + set.columns - 1) / set.columns;
    const Index rest = samples - (set.count - 1) * set.columns;
    const Index full = rest == set.columns ? set.count : set.count - 1;
    for (Index i = 0; i < std::min(full, group_size); ++i) {
      set.slots.push_back(std::make_unique<TileWork<T>>(definition_, set.columns));
    }
    if (full < set.count) {
      set.last = std::make_unique<TileWork<T>>(definition_, rest);
    }
    const auto count = static_cast<std::size_t>(set.count);
    set.labels.resize(static_cast<std::size_t>(std::min(set.count, group_size) * set.columns));
    set.running.resize(count);
    set.terminal.resize(count);
    set.right.resize(count);
    set.statuses.resize(count);
    return sets_.emplace(samples, std::move(set)).first->second;
  }

  /// The tile's initial states: consecutive samples, or those named by `batch`.
  void load(TileWork<T>& tile, Index first, const Index* batch) {
    State<T>& X = tile.state();
    const State<T>& features = data_->features;
    for (Index i = 0; i < X.rows(); ++i) {
      T* const to = X.data() + i * X.cols();
      if (i >= features.rows()) {
        std::fill_n(to, X.cols(), T(0));
        continue;
      }
      const T* const from = features.data() + i * features.cols();
      if (batch == nullptr) {
        std::copy_n(from + first, X.cols(), to);
      } else {
        for (Index d = 0; d < X.cols(); ++d) {
          to[d] = from[batch[first + d]];
        }
      }
    }
  }

  /// Labels of tile i; its costs are multiplied by `scale`.
  std::span<const int> load_labels(TileSet& set, Index i, const Index* batch, T scale) {
    TileWork<T>& tile = set.tile(i);
    const std::span<int> labels(set.labels.data() + (i % group_size) * set.columns,
                                static_cast<std::size_t>(tile.columns()));
    for (std::size_t d = 0; d < labels.size(); ++d) {
      const Index sample = i * set.columns + static_cast<Index>(d);
      labels[d] = data_->labels[static_cast<std::size_t>(batch == nullptr ? sample : batch[sample])];
    }
    if (batch != nullptr || !set.labels_stand) {
      tile.set_labels(labels, scale);
    }
    return labels;
  }

  template <class AtNode>
  ObjectiveTerms<T> run(TileSet& set, const Control<T>& u, const Index* batch, Control<T>* gradient,
                        const GradientSink* sink, AtNode&& at_node) {
    Index samples = 0;
    for (Index i = 0; i < set.count; ++i) {
      samples += set.tile(i).columns();
    }
    const T scale = T(1) / T(static_cast<double>(samples));
    ObjectiveTerms<T> terms;
    IntegrationStatus backward;
    // A sink must see pieces that are in cache, and they are on the way back; else what can fail comes first.
    const bool squares_known = gradient == nullptr || sink == nullptr;
    if (squares_known) {
      parallel_for(definition_.threads, pieces_.count(), [&](Index p) { sum_squares(u, p); });
    }
    bool goes_back = gradient != nullptr && (!squares_known || squares_are_finite());
    if (batch != nullptr) {
      set.labels_stand = false;
    }
    for (Index group = 0; group < set.count; group += group_size) {
      const Index tiles = std::min(group_size, set.count - group);
      parallel_for(definition_.threads, tiles, [&](Index slot) {
        const Index i = group + slot;
        const auto at = static_cast<std::size_t>(i);
        TileWork<T>& tile = set.tile(i);
        const std::span<const int> labels = load_labels(set, i, batch, scale);
        set.statuses[at] = forward(tile, u, i * set.columns, batch, gradient != nullptr, at_node);
        set.running[at] = tile.running();
        set.terminal[at] = tile.terminal();
        set.right[at] = count_right(tile, labels);
      });
      // After a failure nothing is pulled back, so that no sink sees a part of the gradient.
      goes_back = goes_back && backward.ok() &&
                  std::all_of(set.statuses.begin(), set.statuses.begin() + group + tiles,
                              [](const IntegrationStatus& status) { return status.ok(); });
      if (goes_back) {
        backward = pull_back(set, group, tiles, u, *gradient, sink);
      }
    }
    terms.status = earliest(set.statuses);
    set.labels_stand = batch == nullptr && set.count <= group_size;
    if (batch != nullptr && terms.status.sample >= 0) {
      terms.status.sample = batch[terms.status.sample];
    }
    for (std::size_t i = 0; i < set.running.size(); ++i) {
      terms.running += set.running[i];
      terms.terminal += set.terminal[i];
      terms.right += set.right[i];
    }
    if (!squares_known && (!terms.status.ok() || !backward.ok())) {
      parallel_for(definition_.threads, pieces_.count(), [&](Index p) { sum_squares(u, p); });
    }
    add_control_term(u, terms);
    if (gradient != nullptr && terms.status.ok()) {
      terms.status = backward;
      double sum = 0;
      for (const double square : norms_) {
        sum += square;
      }
      terms.gradient_norm = std::sqrt(sum);
    }
    return terms;
  }

  template <class AtNode>
  IntegrationStatus forward(TileWork<T>& tile, const Control<T>& u, Index first, const Index* batch,
                            bool taped, AtNode&& at_node) {
    load(tile, first, batch);
    IntegrationStatus status = tile.advance(u, taped, [&](Index k) { at_node(k, first, tile); });
    if (status.ok() && !tile.is_finite_at_end()) {
      load(tile, first, batch);
      return checked_advance(tile, u, first);
    }
    status.sample = status.step.column < 0 ? -1 : first + status.step.column;
    return status;
  }

  /// Σ over the group's tiles of ∇V, block of intervals by block, added to `gradient`; with the last group
  /// comes the gradient of r‖u‖².
  IntegrationStatus pull_back(TileSet& set, Index group, Index tiles, const Control<T>& u,
                              Control<T>& gradient, const GradientSink* sink) {
    const bool begins = group == 0;
    const bool ends = group + tiles == set.count;
    set.gradients.resize(static_cast<std::size_t>(std::min(set.count, group_size)));
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
        status = set.tile(i).pull_back(u, first, last, own.data());
        status.sample = status.step.column < 0 ? -1 : i * set.columns + status.step.column;
      });
      for (Index i = group; i < group + tiles; ++i) {
        if (!set.statuses[static_cast<std::size_t>(i)].ok()) {
          return {};  // told by the tile's own status
        }
      }
      const Index from = pieces_.first_piece(block);
      parallel_for(definition_.threads, pieces_.first_piece(block + 1) - from, [&](Index p) {
        finish_piece(set, tiles, u, gradient, from + p, first, begins, ends, sink != nullptr);
        if (ends && sink != nullptr && std::isfinite(norms_[static_cast<std::size_t>(from + p)])) {
          const Piece piece = pieces_.piece(from + p);
          (*sink)(from + p, piece.first, piece.count);
        }
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

  void finish_piece(TileSet& set, Index tiles, const Control<T>& u, Control<T>& gradient, Index p,
                    Index first_interval, bool begins, bool ends, bool with_squares) {
    const Piece piece = pieces_.piece(p);
    const Index n_u = u.layout().size();
    const Index offset = piece.first - first_interval * n_u;
    const auto own = [&](Index slot) {
      return set.gradients[static_cast<std::size_t>(slot)].data() + offset;
    };
    for (Index stride = 1; stride < tiles; stride *= 2) {
      for (Index slot = 0; slot + stride < tiles; slot += 2 * stride) {
        T* const to = own(slot);
        const T* const from = own(slot + stride);
        for (Index i = 0; i < piece.count; ++i) {
          to[i] += from[i];
        }
      }
    }
    T* const g = gradient.values().data() + piece.first;
    const T* const sum = own(0);
    if (begins) {
      std::copy_n(sum, piece.count, g);
    } else {
      for (Index i = 0; i < piece.count; ++i) {
        g[i] += sum[i];
      }
    }
    if (ends) {
      const T* const values = u.values().data();
      for (Index i = piece.first; i < piece.first + piece.count;) {
        const Index k = i / n_u;
        const Index end = std::min((k + 1) * n_u, piece.first + piece.count);
        const T weight = T(2 * definition_.grid.length(k) * definition_.r);
        T* const to = gradient.values().data();
        for (; i < end; ++i) {
          to[i] += weight * values[i];
        }
      }
      norms_[static_cast<std::size_t>(p)] = square_norm<double>(g, piece.count);
      if (with_squares) {
        sum_squares(u, p);
      }
    }
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

  [[nodiscard]] bool squares_are_finite() const {
    T sum(0);
    for (const T& square : control_squares_) {
      sum += square;
    }
    return is_finite(sum);
  }

  void add_control_term(const Control<T>& u, ObjectiveTerms<T>& terms) const {
    for (const T& square : control_squares_) {
      terms.control += square;
    }
    if (!terms.status.ok() || is_finite(terms.control)) {
      return;
    }
    T sum(0);
    Index k = 0;
    for (; k + 1 < u.intervals(); ++k) {
      sum += T(definition_.grid.length(k) * definition_.r) * square_norm<T>(u.interval(k), u.layout().size());
      if (!is_finite(sum)) {
        break;
      }
    }
    terms.status = {{StepOutcome::not_finite, definition_.grid.node(k), definition_.grid.length(k), -1,
                     "it is r‖u‖² that overflows; lower cost.r or optimizer.learning_rate"},
                    k,
                    -1};
  }

  /// Names the last interval of the block, the first on the way back, whose gradient is not finite.
  IntegrationStatus check_gradient(const Control<T>& gradient, Index block) const {
    const auto from = norms_.begin() + pieces_.first_piece(block);
    const auto to = norms_.begin() + pieces_.first_piece(block + 1);
    if (std::all_of(from, to, [](double norm) { return std::isfinite(norm); })) {
      return {};
    }
    const TimeGrid& grid = definition_.grid;
    for (Index k = pieces_.first_interval(block + 1) - 1; k >= pieces_.first_interval(block); --k) {
      const T* const entries = gradient.interval(k);
      if (!std::all_of(entries, entries + gradient.layout().size(),
                       [](const T& entry) { return is_finite(entry); })) {
        return {{StepOutcome::gradient_not_finite, grid.node(k), grid.length(k), -1}, k, -1};
      }
    }
    const Index k = pieces_.first_interval(block);
    return {{StepOutcome::gradient_not_finite, grid.node(k), grid.length(k), -1}, k, -1};
  }

  /// Samples of the tile whose largest loss component is that of their class.
  Index count_right(TileWork<T>& tile, std::span<const int> labels) const {
    const Cost<T>* const cost = definition_.terminal ? definition_.terminal.get() : definition_.running.get();
    if (cost == nullptr) {
      return 0;
    }
    const State<T>& X = tile.state();
    const std::span<const Index> components = cost->components();
    Index right = 0;
    for (Index d = 0; d < X.cols(); ++d) {
      const auto label = static_cast<std::size_t>(labels[static_cast<std::size_t>(d)]);
      const T own = X(components[label], d);
      bool largest = true;
      for (std::size_t c = 0; c < components.size(); ++c) {
        const T other = X(components[c], d);
        largest = largest && (c < label ? other < own : !(other > own));
      }
      right += largest ? 1 : 0;
    }
    return right;
  }

  /// Advances with a look at the state at every node, to name the interval where it ceases to be finite.
  IntegrationStatus checked_advance(TileWork<T>& tile, const Control<T>& u, Index first) {
    IntegrationStatus failure;
    const TimeGrid& grid = definition_.grid;
    IntegrationStatus status = tile.advance(u, false, [&](Index k) {
      if (!failure.ok()) {
        return;
      }
      const State<T>& X = tile.state();
      for (Index d = 0; d < X.cols() && failure.ok(); ++d) {
        for (Index i = 0; i < X.rows(); ++i) {
          if (!is_finite(X(i, d))) {
            const Index interval = std::max<Index>(k - 1, 0);
            failure = {{StepOutcome::not_finite, grid.node(interval), grid.length(interval), d},
                       interval,
                       first + d};
            break;
          }
        }
      }
    });
    if (!failure.ok()) {
      return failure;
    }
    if (!status.ok()) {
      status.sample = status.step.column < 0 ? -1 : first + status.step.column;
      return status;
    }
    if (!is_finite(tile.running()) || !is_finite(tile.terminal())) {
      const Index last = active_intervals(definition_) - 1;
      return {{StepOutcome::not_finite, grid.node(last), grid.length(last), -1}, last, -1};
    }
    return {};
  }

  /// The failure of the lowest interval, or success.
  static IntegrationStatus earliest(const std::vector<IntegrationStatus>& statuses) {
    IntegrationStatus first;
    for (const IntegrationStatus& status : statuses) {
      if (!status.ok() && (first.ok() || status.interval < first.interval)) {
        first = status;
      }
    }
    return first;
  }

  ProblemDefinition<T> definition_;
  std::shared_ptr<const Dataset<T>> data_;
  Pieces pieces_;
  std::vector<double> norms_;       // ‖·‖² of the gradient, piece by piece
  std::vector<T> control_squares_;  // Σ h_k r‖u_k‖², piece by piece
  std::map<Index, TileSet> sets_;   // by the number of samples
};

}  // namespace turnpike
