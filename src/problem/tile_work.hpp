#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "problem/checkpoints.hpp"
#include "problem/ensemble_system.hpp"
#include "turnpike/problem.hpp"
#include "turnpike/tape.hpp"

namespace turnpike {

template <class T>
bool is_finite(const T& x) {
  using std::isfinite;
  return isfinite(x);
}

/// One tile of samples with all the memory that its way through the layers and back takes. Of the grid's K
/// intervals it runs through the first `active`; after them the control is zero and every state stays where
/// it is: the tail of the running cost is its value there times the time that is left.
template <class T>
class TileWork {
 public:
  TileWork(const ProblemDefinition<T>& definition, Index columns)
      : definition_(definition),
        active_(active_intervals(definition)),
        columns_(columns),
        system_(*definition.field,
                definition.quadrature == Quadrature::scheme ? definition.running.get() : nullptr, columns),
        method_workspace_(definition.integrator->make_workspace(system_)),
        X_(definition.field->state_dimension(), columns),
        lambda_(definition.field->state_dimension(), columns),
        checkpoints_(definition.recomputation, std::max<Index>(definition.snapshots, 1), active_),
        interval_begin_(static_cast<std::size_t>(active_) + 1) {
    const Cost<T>* const running = definition.running.get();
    const Cost<T>* const terminal = definition.terminal.get();
    running_targets_.resize(running == nullptr ? 0 : running->rows(), columns);
    terminal_targets_.resize(terminal == nullptr ? 0 : terminal->rows(), columns);
    terminal_gradient_.resize(terminal_targets_.rows(), columns);
    node_gradients_.resize(static_cast<std::size_t>(active_) + 1);
    for (Index k = 0; k <= active_; ++k) {
      if (node_weight(k) > 0) {
        node_gradients_[static_cast<std::size_t>(k)].resize(running_targets_.rows(), columns);
      }
    }
  }

  [[nodiscard]] Index columns() const { return columns_; }
  [[nodiscard]] State<T>& state() { return X_; }
  /// λ at the node that the way back has reached.
  [[nodiscard]] const State<T>& costate() const { return lambda_; }
  [[nodiscard]] T running() const { return running_; }
  [[nodiscard]] T terminal() const { return terminal_; }

  /// Class indices of this tile's samples; costs are multiplied by `scale`, 1/D.
  void set_labels(std::span<const int> labels, T scale) {
    scale_ = scale;
    if (definition_.running) {
      definition_.running->make_targets(labels, tile_of(running_targets_));
    }
    if (definition_.terminal) {
      definition_.terminal->make_targets(labels, tile_of(terminal_targets_));
    }
    system_.set_targets(tile_of(std::as_const(running_targets_)), scale);
  }

  /// Runs state() through the active intervals; `at_node(k)` is called at every node of them with state() =
  /// X(t_k). With `taped`, `begin_pull_back` may follow.
  template <class AtNode>
  IntegrationStatus advance(const Control<T>& u, bool taped, AtNode&& at_node) {
    const bool kept = taped && definition_.recomputation != Recomputation::none;
    checkpoints_.clear();
    clear_tape(0);
    running_ = T(0);
    Index next_kept = 0;
    for (Index k = 0; k < active_; ++k) {
      at_node(k);
      if (requested(definition_.stop)) {
        return stopped(k);
      }
      if (kept) {
        if (k == next_kept) {
          checkpoints_.push(k, X_);
          next_kept = checkpoints_.next(active_);
          clear_tape(k);
        } else if (definition_.recomputation == Recomputation::binomial) {
          clear_tape(k);
        }
      }
      if (node_weight(k) > 0) {
        running_ += T(node_weight(k)) * node_cost(u.interval(k), k);
      }
      const IntegrationStatus status = advance_interval(u, k, running_, taped);
      if (!status.ok()) {
        return status;
      }
    }
    at_node(active_);
    const T* const last = u.interval(active_ - 1);
    if (node_weight(active_) > 0) {
      running_ += T(node_weight(active_)) * node_cost(last, active_);
    }
    terminal_ = T(0);
    if (definition_.terminal) {
      terminal_ = definition_.terminal->evaluate(last, tile_of(std::as_const(X_)),
                                                 tile_of(std::as_const(terminal_targets_)), scale_,
                                                 tile_of(terminal_gradient_));
      terminal_ = terminal_ * T(definition_.gamma);
    }
    return {};
  }

  /// Runs state() through the horizon without costs and calls `at_point(j, X)` with X at `points` ≥ 2
  /// equally spaced times an interval, j counting them from 0 at t_0 on, and at the end. Between the steps of
  /// the method the states are interpolated: by cubic Hermite polynomials (Hairer, Nørsett, Wanner I, II.6),
  /// which need the slopes, or by lines where the method's own error is larger than theirs.
  template <class AtPoint>
  IntegrationStatus advance_dense(const Control<T>& u, Index points, AtPoint&& at_point) {
    const TimeGrid& grid = definition_.grid;
    const bool cubic = definition_.integrator->traits().order > 2;
    std::vector<T> record(static_cast<std::size_t>(system_.record_size()));
    State<T> before;
    State<T> slope_before(X_.rows(), X_.cols());
    State<T> slope(X_.rows(), X_.cols());
    State<T> between(X_.rows(), X_.cols());
    T unused(0);
    for (Index k = 0; k < active_; ++k) {
      at_point(k * points, std::as_const(X_));
      if (requested(definition_.stop)) {
        return stopped(k);
      }
      system_.set_control(u.interval(k));
      before = X_;
      T begin = T(grid.node(k));
      if (cubic) {
        (void)system_.evaluate(begin, tile_of(std::as_const(before)), tile_of(slope_before), record.data());
      }
      Index next = 1;
      const auto visit = [&](T t, ConstTile<T> X) {
        const T h = t - begin;
        if (cubic) {
          (void)system_.evaluate(t, X, tile_of(slope), record.data());
        }
        for (; next < points; ++next) {
          const double share = static_cast<double>(next) / static_cast<double>(points);
          const T s = (T(grid.node(k) + share * grid.length(k)) - begin) / h;
          if (s > T(1)) {
            break;
          }
          const auto end = matrix(X).array();
          between.array() = before.array() + s * (end - before.array());
          if (cubic) {
            between.array() += s * (s - T(1)) *
                               ((T(1) - s - s) * (end - before.array()) +
                                h * ((s - T(1)) * slope_before.array() + s * slope.array()));
          }
          at_point(k * points + next, std::as_const(between));
        }
        before = matrix(X);
        slope_before = slope;
        begin = t;
      };
      const StepStatus status = definition_.integrator->advance_visiting(
          system_, T(grid.node(k)), T(grid.node(k + 1)), tile_of(X_), unused, *method_workspace_, visit);
      if (!status.ok()) {
        return {status, k, status.column};
      }
      for (; next < points; ++next) {  // left over by the rounding of t
        at_point(k * points + next, std::as_const(X_));
      }
    }
    for (Index j = active_ * points; j <= grid.intervals() * points; ++j) {
      at_point(j, std::as_const(X_));
    }
    return {};
  }

  /// Whether the costs and the final state are finite; a state that is not never becomes finite again.
  [[nodiscard]] bool is_finite_at_end() const {
    if (!is_finite(running_) || !is_finite(terminal_)) {
      return false;
    }
    return all_finite(X_);
  }

  [[nodiscard]] static bool all_finite(const State<T>& X) {
    const T* const x = X.data();
    return std::all_of(x, x + X.size(), [](const T& value) { return is_finite(value); });
  }

  /// The costates at the end of the active intervals, λ = ∂(terminal cost and tail)/∂X.
  void begin_pull_back() {
    lambda_.setConstant(T(0));
    if (definition_.terminal) {
      definition_.terminal->add_state_gradient(tile_of(std::as_const(terminal_gradient_)),
                                               T(definition_.gamma), tile_of(lambda_));
    }
    add_node_gradient(active_);
  }

  /// Takes the costates from node `last` to node `first`; ū of the intervals first to last − 1 accumulates
  /// into `gradient` ((last − first)·n_u entries). Ends between intervals once `stop` is true; null for
  /// never.
  IntegrationStatus pull_back(const Control<T>& u, Index first, Index last, T* gradient,
                              const std::atomic<bool>* stop) {
    const TimeGrid& grid = definition_.grid;
    for (Index k = last - 1; k >= first; --k) {
      if (requested(stop)) {
        return stopped(k);
      }
      IntegrationStatus recomputed = provide_tape(u, k, stop);
      if (!recomputed.ok()) {
        return recomputed;
      }
      system_.set_control(u.interval(k));
      const auto begin = interval_begin_[static_cast<std::size_t>(k)];
      const auto end = interval_begin_[static_cast<std::size_t>(k) + 1];
      const StepStatus status = definition_.integrator->pull_back(
          system_, T(grid.node(k)), T(grid.node(k + 1)), T(1), tile_of(lambda_),
          gradient + (k - first) * u.layout().size(), tape_.steps(begin, end), *method_workspace_);
      if (!status.ok()) {
        return {status, k, status.column};
      }
      add_node_gradient(k);
    }
    return {};
  }

 private:
  [[nodiscard]] static bool requested(const std::atomic<bool>* stop) {
    return stop != nullptr && stop->load(std::memory_order_relaxed);
  }
  [[nodiscard]] IntegrationStatus stopped(Index k) const {
    return {{StepOutcome::stopped, definition_.grid.node(k), definition_.grid.length(k)}, k};
  }

  void clear_tape(Index k) {
    tape_.clear();
    taped_from_ = k;
    taped_to_ = k;
  }

  IntegrationStatus advance_interval(const Control<T>& u, Index k, T& cost, bool taped) {
    const TimeGrid& grid = definition_.grid;
    interval_begin_[static_cast<std::size_t>(k)] = tape_.size();
    system_.set_control(u.interval(k));
    const StepStatus status =
        definition_.integrator->advance(system_, T(grid.node(k)), T(grid.node(k + 1)), tile_of(X_), cost,
                                        taped ? &tape_ : nullptr, *method_workspace_);
    interval_begin_[static_cast<std::size_t>(k) + 1] = tape_.size();
    if (taped) {
      taped_to_ = k + 1;
    }
    return status.ok() ? IntegrationStatus{} : IntegrationStatus{status, k, status.column};
  }

  /// Sees to it that interval k is on the tape, where need be by computing again from the last kept state.
  IntegrationStatus provide_tape(const Control<T>& u, Index k, const std::atomic<bool>* stop) {
    if (k >= taped_from_ && k < taped_to_) {
      return {};
    }
    while (checkpoints_.last() > k) {
      checkpoints_.pop();
    }
    X_ = checkpoints_.state();
    T unused(0);
    Index from = checkpoints_.last();
    if (definition_.recomputation == Recomputation::binomial) {
      for (Index node = checkpoints_.next(k + 1); from < k; node = checkpoints_.next(k + 1)) {
        for (; from < std::min(node, k); ++from) {
          if (requested(stop)) {
            return stopped(from);
          }
          const IntegrationStatus status = advance_interval(u, from, unused, false);
          if (!status.ok()) {
            return status;
          }
        }
        if (from < k) {
          checkpoints_.push(from, X_);
        }
      }
    }
    clear_tape(from);
    for (; from <= k; ++from) {
      if (requested(stop)) {
        return stopped(from);
      }
      const IntegrationStatus status = advance_interval(u, from, unused, true);
      if (!status.ok()) {
        return status;
      }
    }
    return {};
  }

  /// The weight of the running cost at node k that no integrator accounts for: trapezoidal weights
  /// (h_{k−1} + h_k)/2 for the quadrature over nodes, and the tail at the last active node.
  [[nodiscard]] double node_weight(Index k) const {
    if (!definition_.running) {
      return 0;
    }
    const TimeGrid& grid = definition_.grid;
    double weight = k == active_ ? grid.horizon() - grid.node(k) : 0.0;
    if (definition_.quadrature == Quadrature::nodes) {
      weight += ((k > 0 ? grid.length(k - 1) : 0.0) + (k < active_ ? grid.length(k) : 0.0)) / 2;
    }
    return weight;
  }
  T node_cost(const T* u, Index k) {
    return definition_.running->evaluate(u, tile_of(std::as_const(X_)),
                                         tile_of(std::as_const(running_targets_)), scale_,
                                         tile_of(node_gradients_[static_cast<std::size_t>(k)]));
  }
  void add_node_gradient(Index k) {
    if (node_weight(k) > 0) {
      definition_.running->add_state_gradient(
          tile_of(std::as_const(node_gradients_[static_cast<std::size_t>(k)])), T(node_weight(k)),
          tile_of(lambda_));
    }
  }

  const ProblemDefinition<T>& definition_;
  Index active_;
  Index columns_;
  EnsembleSystem<T> system_;
  std::unique_ptr<IntervalWorkspace> method_workspace_;
  State<T> X_;
  State<T> lambda_;
  State<T> running_targets_;
  State<T> terminal_targets_;
  State<T> terminal_gradient_;
  std::vector<State<T>> node_gradients_;
  Tape<T> tape_;
  Checkpoints<T> checkpoints_;
  std::vector<std::size_t> interval_begin_;
  Index taped_from_ = 0;  // the intervals whose steps are on the tape
  Index taped_to_ = 0;
  T scale_ = T(1);
  T running_ = T(0);
  T terminal_ = T(0);
};

}  // namespace turnpike
