#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "problem/ensemble_system.hpp"
#include "turnpike/problem.hpp"
#include "turnpike/tape.hpp"

namespace turnpike {

template <class T>
bool is_finite(const T& x) {
  using std::isfinite;
  return isfinite(x);
}

/// One tile of samples with all the memory that its way through the layers and back takes.
template <class T>
class TileWork {
 public:
  TileWork(const ProblemDefinition<T>& definition, Index columns)
      : definition_(definition),
        columns_(columns),
        system_(*definition.field,
                definition.quadrature == Quadrature::scheme ? definition.running.get() : nullptr, columns),
        method_workspace_(definition.integrator->make_workspace(system_)),
        X_(definition.field->state_dimension(), columns),
        lambda_(definition.field->state_dimension(), columns),
        interval_begin_(static_cast<std::size_t>(definition.grid.intervals()) + 1) {
    const Cost<T>* const running = definition.running.get();
    const Cost<T>* const terminal = definition.terminal.get();
    running_targets_.resize(running == nullptr ? 0 : running->rows(), columns);
    terminal_targets_.resize(terminal == nullptr ? 0 : terminal->rows(), columns);
    terminal_gradient_.resize(terminal_targets_.rows(), columns);
    if (at_nodes()) {
      node_gradients_.resize(static_cast<std::size_t>(definition.grid.intervals()) + 1);
      for (State<T>& gradient : node_gradients_) {
        gradient.resize(running_targets_.rows(), columns);
      }
    }
  }

  [[nodiscard]] Index columns() const { return columns_; }
  [[nodiscard]] State<T>& state() { return X_; }
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

  /// Runs state() through all intervals; `at_node(k)` is called at every node with state() = X(t_k).
  /// With `taped`, `pull_back` may follow.
  template <class AtNode>
  IntegrationStatus advance(const Control<T>& u, bool taped, AtNode&& at_node) {
    const TimeGrid& grid = definition_.grid;
    tape_.clear();
    running_ = T(0);
    for (Index k = 0; k < grid.intervals(); ++k) {
      at_node(k);
      if (at_nodes()) {
        running_ += T(node_weight(k)) * node_cost(u.interval(k), k);
      }
      interval_begin_[static_cast<std::size_t>(k)] = tape_.size();
      system_.set_control(u.interval(k));
      const StepStatus status =
          definition_.integrator->advance(system_, T(grid.node(k)), T(grid.node(k + 1)), tile_of(X_),
                                          running_, taped ? &tape_ : nullptr, *method_workspace_);
      if (!status.ok()) {
        return {status, k, status.column};
      }
    }
    const Index K = grid.intervals();
    at_node(K);
    interval_begin_[static_cast<std::size_t>(K)] = tape_.size();
    if (at_nodes()) {
      running_ += T(node_weight(K)) * node_cost(u.interval(K - 1), K);
    }
    terminal_ = T(0);
    if (definition_.terminal) {
      terminal_ = definition_.terminal->evaluate(u.interval(K - 1), tile_of(std::as_const(X_)),
                                                 tile_of(std::as_const(terminal_targets_)), scale_,
                                                 tile_of(terminal_gradient_));
      terminal_ = terminal_ * T(definition_.gamma);
    }
    return {};
  }

  /// Runs state() through all intervals without costs and calls `at_point(j, X)` with X at `points` ≥ 2
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
    for (Index k = 0; k < grid.intervals(); ++k) {
      at_point(k * points, std::as_const(X_));
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
    at_point(grid.intervals() * points, std::as_const(X_));
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

  /// ū of every interval accumulates into `gradient` (K·n_u entries).
  IntegrationStatus pull_back(const Control<T>& u, T* gradient) {
    const TimeGrid& grid = definition_.grid;
    const Index K = grid.intervals();
    lambda_.setConstant(T(0));
    if (definition_.terminal) {
      definition_.terminal->add_state_gradient(tile_of(std::as_const(terminal_gradient_)),
                                               T(definition_.gamma), tile_of(lambda_));
    }
    add_node_gradient(K);
    for (Index k = K - 1; k >= 0; --k) {
      system_.set_control(u.interval(k));
      const auto first = interval_begin_[static_cast<std::size_t>(k)];
      const auto last = interval_begin_[static_cast<std::size_t>(k) + 1];
      const StepStatus status = definition_.integrator->pull_back(
          system_, T(grid.node(k)), T(grid.node(k + 1)), T(1), tile_of(lambda_),
          gradient + k * u.layout().size(), tape_.steps(first, last), *method_workspace_);
      if (!status.ok()) {
        return {status, k, status.column};
      }
      add_node_gradient(k);
    }
    return {};
  }

 private:
  [[nodiscard]] bool at_nodes() const {
    return definition_.quadrature == Quadrature::nodes && definition_.running != nullptr;
  }
  /// Trapezoidal weights (h_{k−1} + h_k)/2.
  [[nodiscard]] double node_weight(Index k) const {
    const TimeGrid& grid = definition_.grid;
    const double before = k > 0 ? grid.length(k - 1) : 0.0;
    const double after = k < grid.intervals() ? grid.length(k) : 0.0;
    return (before + after) / 2;
  }
  T node_cost(const T* u, Index k) {
    return definition_.running->evaluate(u, tile_of(std::as_const(X_)),
                                         tile_of(std::as_const(running_targets_)), scale_,
                                         tile_of(node_gradients_[static_cast<std::size_t>(k)]));
  }
  void add_node_gradient(Index k) {
    if (at_nodes()) {
      definition_.running->add_state_gradient(
          tile_of(std::as_const(node_gradients_[static_cast<std::size_t>(k)])), T(node_weight(k)),
          tile_of(lambda_));
    }
  }

  const ProblemDefinition<T>& definition_;
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
  std::vector<std::size_t> interval_begin_;
  T scale_ = T(1);
  T running_ = T(0);
  T terminal_ = T(0);
};

}  // namespace turnpike
