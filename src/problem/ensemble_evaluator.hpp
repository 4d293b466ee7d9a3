#pragma once

#include <algorithm>
#include <cstddef>
#include <exception>
#include <map>
#include <memory>
#include <span>
#include <utility>
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

/// Runs body(i) for i < count on up to `threads` threads; the first exception by index is rethrown.
template <class Body>
void for_each_tile(int threads, Index count, Body&& body) {
  if (threads <= 1 || count <= 1) {
    for (Index i = 0; i < count; ++i) {
      body(i);
    }
    return;
  }
  std::exception_ptr error;
  Index first = count;
#pragma omp parallel for schedule(static) num_threads(threads)
  for (Index i = 0; i < count; ++i) {
    try {
      body(i);
    } catch (...) {
#pragma omp critical(turnpike_tile_error)
      if (i < first) {
        first = i;
        error = std::current_exception();
      }
    }
  }
  if (error) {
    std::rethrow_exception(error);
  }
}

/// The three terms of V in the scalar type of the computation.
template <class T>
struct ObjectiveTerms {
  T running = T(0);
  T control = T(0);
  T terminal = T(0);
  IntegrationStatus status;
};

/// Evaluates V and ∇V for any scalar type T, dual numbers included. Samples are split into tiles of fixed
/// columns; each tile is a job for one thread; sums over tiles follow a fixed tree.
template <class T>
class EnsembleEvaluator {
 public:
  /// `X0` is n×D.
  EnsembleEvaluator(ProblemDefinition<T> definition, State<T> X0, std::vector<int> labels)
      : definition_(std::move(definition)), X0_(std::move(X0)), labels_(std::move(labels)) {
    all_ = make_tiles(X0_.cols());
    Index first = 0;
    for (auto& tile : all_.tiles) {
      tile->set_labels(std::span<const int>(labels_).subspan(static_cast<std::size_t>(first),
                                                             static_cast<std::size_t>(tile->columns())),
                       T(1) / T(static_cast<double>(X0_.cols())));
      first += tile->columns();
    }
  }
  EnsembleEvaluator(const EnsembleEvaluator&) = delete;
  EnsembleEvaluator& operator=(const EnsembleEvaluator&) = delete;
  ~EnsembleEvaluator() = default;

  [[nodiscard]] const ProblemDefinition<T>& definition() const { return definition_; }
  [[nodiscard]] const std::vector<int>& labels() const { return labels_; }

  ObjectiveTerms<T> value(const Control<T>& u) { return run(all_, u, nullptr, nullptr); }

  ObjectiveTerms<T> value_and_gradient(const Control<T>& u, Control<T>& gradient) {
    return run(all_, u, nullptr, &gradient);
  }

  ObjectiveTerms<T> value_and_gradient(const Control<T>& u, std::span<const Index> batch,
                                       Control<T>& gradient) {
    const auto size = static_cast<Index>(batch.size());
    auto found = batches_.find(size);
    if (found == batches_.end()) {
      found = batches_.emplace(size, make_tiles(size)).first;
    }
    return run(found->second, u, batch.data(), &gradient);
  }

  /// K·points + 1 states, fewer when the integration fails.
  std::vector<State<T>> states(const Control<T>& u, IntegrationStatus& status, Index points) {
    const Index K = definition_.grid.intervals();
    std::vector<State<T>> nodes(static_cast<std::size_t>(K * points) + 1, State<T>(X0_.rows(), X0_.cols()));
    std::vector<IntegrationStatus> statuses(all_.tiles.size());
    for_each_tile(definition_.threads, all_.count(), [&](Index i) {
      TileWork<T>& tile = all_.tile(i);
      const Index first = i * all_.columns;
      load(tile, first, nullptr);
      statuses[static_cast<std::size_t>(i)] = checked_advance(tile, u, first, [&](Index k) {
        nodes[static_cast<std::size_t>(k * points)].middleCols(first, tile.columns()) = tile.state();
      });
      if (points > 1) {
        load(tile, first, nullptr);
        // What lies behind a failure is cut off below.
        const IntegrationStatus dense = tile.advance_dense(u, points, [&](Index j, const State<T>& X) {
          nodes[static_cast<std::size_t>(j)].middleCols(first, tile.columns()) = X;
        });
        IntegrationStatus& own = statuses[static_cast<std::size_t>(i)];
        if (own.ok() && !dense.ok()) {
          own = dense;
          own.sample = dense.step.column < 0 ? -1 : first + dense.step.column;
        }
      }
    });
    status = earliest(statuses);
    if (!status.ok()) {
      nodes.resize(static_cast<std::size_t>(status.interval * points) + 1);
    }
    return nodes;
  }

 private:
  struct TileSet {
    Index columns = 0;  // of every tile but perhaps the last
    std::vector<std::unique_ptr<TileWork<T>>> tiles;
    std::vector<std::vector<T>> gradients;
    std::vector<IntegrationStatus> statuses;
    std::vector<std::vector<int>> labels;  // of mini-batches

    [[nodiscard]] Index count() const { return static_cast<Index>(tiles.size()); }
    [[nodiscard]] TileWork<T>& tile(Index i) const { return *tiles[static_cast<std::size_t>(i)]; }
  };

  TileSet make_tiles(Index samples) {
    TileSet set;
    set.columns = std::min(samples, definition_.tile > 0 ? definition_.tile : default_tile(samples));
    for (Index first = 0; first < samples; first += set.columns) {
      const Index columns = std::min(set.columns, samples - first);
      set.tiles.push_back(std::make_unique<TileWork<T>>(definition_, columns));
      set.labels.emplace_back(static_cast<std::size_t>(columns));
    }
    const auto entries =
        static_cast<std::size_t>(definition_.grid.intervals() * definition_.field->layout().size());
    set.gradients.assign(set.tiles.size(), std::vector<T>(entries, T(0)));
    set.statuses.resize(set.tiles.size());
    return set;
  }

  /// The tile's initial states: consecutive samples, or those named by `batch`.
  void load(TileWork<T>& tile, Index first, const Index* batch) {
    State<T>& X = tile.state();
    for (Index i = 0; i < X.rows(); ++i) {
      const T* const from = X0_.data() + i * X0_.cols();
      T* const to = X.data() + i * X.cols();
      if (batch == nullptr) {
        std::copy_n(from + first, X.cols(), to);
      } else {
        for (Index d = 0; d < X.cols(); ++d) {
          to[d] = from[batch[first + d]];
        }
      }
    }
  }

  void load_labels(TileSet& set, Index i, const Index* batch, T scale) {
    std::vector<int>& labels = set.labels[static_cast<std::size_t>(i)];
    for (std::size_t d = 0; d < labels.size(); ++d) {
      labels[d] = labels_[static_cast<std::size_t>(batch[static_cast<std::size_t>(i * set.columns) + d])];
    }
    set.tile(i).set_labels(labels, scale);
  }

  ObjectiveTerms<T> run(TileSet& set, const Control<T>& u, const Index* batch, Control<T>* gradient) {
    Index samples = 0;
    for (const auto& tile : set.tiles) {
      samples += tile->columns();
    }
    const T scale = T(1) / T(static_cast<double>(samples));
    for_each_tile(definition_.threads, set.count(), [&](Index i) {
      TileWork<T>& tile = set.tile(i);
      if (batch != nullptr) {
        load_labels(set, i, batch, scale);
      }
      set.statuses[static_cast<std::size_t>(i)] =
          run_tile(tile, u, i * set.columns, batch,
                   gradient == nullptr ? nullptr : &set.gradients[static_cast<std::size_t>(i)]);
    });

    ObjectiveTerms<T> terms;
    terms.status = earliest(set.statuses);
    if (batch != nullptr && terms.status.sample >= 0) {
      terms.status.sample = batch[terms.status.sample];
    }
    for (const auto& tile : set.tiles) {
      terms.running += tile->running();
      terms.terminal += tile->terminal();
    }
    if (gradient != nullptr) {
      sum_gradients(set);
      std::copy(set.gradients.front().begin(), set.gradients.front().end(), gradient->values().begin());
    }
    // Σ_k h_k r‖u_k‖² and its gradient 2 h_k r u_k.
    for (Index k = 0; k < definition_.grid.intervals(); ++k) {
      const T weight = T(definition_.grid.length(k) * definition_.r);
      T sum(0);
      for (Index i = 0; i < u.layout().size(); ++i) {
        const T value = u.interval(k)[i];
        sum += value * value;
        if (gradient != nullptr) {
          gradient->interval(k)[i] += (weight + weight) * value;
        }
      }
      terms.control += weight * sum;
      if (terms.status.ok() && !is_finite(terms.control)) {
        terms.status = {{StepOutcome::not_finite, definition_.grid.node(k), definition_.grid.length(k), -1,
                         "it is r‖u‖² that overflows; lower cost.r or optimizer.learning_rate"},
                        k,
                        -1};
      }
    }
    return terms;
  }

  IntegrationStatus run_tile(TileWork<T>& tile, const Control<T>& u, Index first, const Index* batch,
                             std::vector<T>* gradient) {
    load(tile, first, batch);
    IntegrationStatus status = tile.advance(u, gradient != nullptr, [](Index) {});
    if (status.ok() && !tile.is_finite_at_end()) {
      load(tile, first, batch);
      status = checked_advance(tile, u, first, [](Index) {});
    }
    if (status.ok() && gradient != nullptr) {
      std::fill(gradient->begin(), gradient->end(), T(0));
      status = tile.pull_back(u, gradient->data());
      if (status.ok()) {
        status = check_gradient(*gradient);
      }
    }
    status.sample = status.step.column < 0 ? -1 : first + status.step.column;
    return status;
  }

  /// Names the last interval, the first on the way back, whose gradient is not finite.
  IntegrationStatus check_gradient(const std::vector<T>& gradient) const {
    const TimeGrid& grid = definition_.grid;
    const auto size = static_cast<std::ptrdiff_t>(definition_.field->layout().size());
    for (Index k = grid.intervals() - 1; k >= 0; --k) {
      const auto entries = gradient.begin() + k * size;
      if (!std::all_of(entries, entries + size, [](const T& entry) { return is_finite(entry); })) {
        return {{StepOutcome::gradient_not_finite, grid.node(k), grid.length(k), -1}, k, -1};
      }
    }
    return {};
  }

  /// Advances with a look at the state at every node, to name the interval where it ceases to be finite.
  template <class AtNode>
  IntegrationStatus checked_advance(TileWork<T>& tile, const Control<T>& u, Index first, AtNode&& at_node) {
    IntegrationStatus failure;
    const TimeGrid& grid = definition_.grid;
    IntegrationStatus status = tile.advance(u, false, [&](Index k) {
      if (!failure.ok()) {
        return;
      }
      at_node(k);
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
      const Index last = grid.intervals() - 1;
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

  /// Adds all tiles' gradients into the first, pairwise in a fixed tree.
  static void sum_gradients(TileSet& set) {
    const std::size_t count = set.gradients.size();
    for (std::size_t stride = 1; stride < count; stride *= 2) {
      for (std::size_t i = 0; i + stride < count; i += 2 * stride) {
        std::vector<T>& to = set.gradients[i];
        const std::vector<T>& from = set.gradients[i + stride];
        for (std::size_t j = 0; j < to.size(); ++j) {
          to[j] += from[j];
        }
      }
    }
  }

  ProblemDefinition<T> definition_;
  State<T> X0_;
  std::vector<int> labels_;
  TileSet all_;
  std::map<Index, TileSet> batches_;
};

}  // namespace turnpike
