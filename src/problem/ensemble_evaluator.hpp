#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "problem/gradient_sums.hpp"
#include "problem/parallel.hpp"
#include "problem/tile_set.hpp"
#include "problem/tile_work.hpp"
#include "turnpike/problem.hpp"

namespace turnpike {

/// The three terms of V in the scalar type of the computation.
template <class T>
struct ObjectiveTerms {
  T running = T(0);
  T control = T(0);
  T terminal = T(0);
  Index right = 0;  // samples whose largest loss component at T is that of their class
  double gradient_norm = 0;
  IntegrationStatus status;
  bool value_failed = false;  // as in Objective
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
      : definition_(std::move(definition)), data_(std::move(data)), sums_(definition_) {
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
  /// Whether all tiles of so many samples run forward before any is pulled back.
  [[nodiscard]] bool in_one_group(Index samples) {
    return tiles_for(samples).count <= TileSet<T>::group_size;
  }

  ObjectiveTerms<T> value(const Control<T>& u) {
    return run(tiles_for(sample_count()), u, nullptr, nullptr, nullptr, [](Index, Index, TileWork<T>&) {});
  }

  /// Means over the samples `batch`, over all where it is empty.
  ObjectiveTerms<T> value_and_gradient(const Control<T>& u, std::span<const Index> batch,
                                       Control<T>& gradient, const GradientSink<T>& sink = {}) {
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
      if (points > 1) {
        return;  // visited below, in order
      }
      const ConstTile<T> X = tile_of(std::as_const(tile.state()));
      for (Index later = k; later <= (k == M ? K : k); ++later) {
        visit(later, first, X);
      }
    };
    ObjectiveTerms<T> terms = run(tiles_for(sample_count()), u, nullptr, nullptr, nullptr, at_node);
    if (points > 1) {
      TileSet<T>& set = tiles_for(sample_count());
      std::vector<IntegrationStatus> statuses(static_cast<std::size_t>(set.count));
      for (Index group = 0; group < set.count; group += TileSet<T>::group_size) {
        parallel_for(definition_.threads, std::min(TileSet<T>::group_size, set.count - group), [&](Index i) {
          TileWork<T>& tile = set.tile(group + i);
          const Index first = (group + i) * set.columns;
          load(tile, first, nullptr);
          IntegrationStatus& own = statuses[static_cast<std::size_t>(group + i)];
          own =
              tile.advance_dense(u, points, [&](Index j, const State<T>& X) { visit(j, first, tile_of(X)); });
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
  static std::shared_ptr<const Dataset<T>> data_set(State<T>&& X0, std::vector<int>&& labels) {
    auto data = std::make_shared<Dataset<T>>();
    data->features = std::move(X0);
    data->labels = std::move(labels);
    return data;
  }

  TileSet<T>& tiles_for(Index samples) {
    return sets_.try_emplace(samples, definition_, samples).first->second;
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
  std::span<const int> load_labels(TileSet<T>& set, Index i, const Index* batch, T scale) {
    TileWork<T>& tile = set.tile(i);
    const std::span<int> labels(set.labels.data() + (i % TileSet<T>::group_size) * set.columns,
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
  ObjectiveTerms<T> run(TileSet<T>& set, const Control<T>& u, const Index* batch, Control<T>* gradient,
                        const GradientSink<T>* sink, AtNode&& at_node) {
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
      sums_.sum_squares(u);
    }
    bool goes_back = gradient != nullptr && (!squares_known || is_finite(sums_.control_term()));
    if (batch != nullptr) {
      set.labels_stand = false;
    }
    for (Index group = 0; group < set.count; group += TileSet<T>::group_size) {
      const Index tiles = std::min(TileSet<T>::group_size, set.count - group);
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
      const auto succeeded = [](const IntegrationStatus& status) { return status.ok(); };
      const auto begin = set.statuses.begin();
      terms.value_failed =
          terms.value_failed || !std::all_of(begin + group, begin + group + tiles, succeeded);
      // After a failure nothing is pulled back, so that no sink sees a part of the gradient.
      goes_back = goes_back && backward.ok() && std::all_of(begin, begin + group + tiles, succeeded);
      if (goes_back) {
        backward = sums_.pull_back(set, group, tiles, u, *gradient, sink);
      }
    }
    terms.status = earliest(set.statuses);
    set.labels_stand = batch == nullptr && set.count <= TileSet<T>::group_size;
    if (batch != nullptr && terms.status.sample >= 0) {
      terms.status.sample = batch[terms.status.sample];
    }
    for (std::size_t i = 0; i < set.running.size(); ++i) {
      terms.running += set.running[i];
      terms.terminal += set.terminal[i];
      terms.right += set.right[i];
    }
    if (!squares_known && (!terms.status.ok() || !backward.ok())) {
      sums_.sum_squares(u);
    }
    terms.control = sums_.control_term();
    if (terms.status.ok() && !is_finite(terms.control)) {
      terms.status = sums_.overflow(u);
      terms.value_failed = true;
    }
    if (gradient != nullptr && terms.status.ok()) {
      terms.status = backward;
      terms.gradient_norm = sums_.gradient_norm();
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

  ProblemDefinition<T> definition_;
  std::shared_ptr<const Dataset<T>> data_;
  GradientSums<T> sums_;
  std::map<Index, TileSet<T>> sets_;  // by the number of samples
};

}  // namespace turnpike
