#pragma once

#include <algorithm>
#include <cassert>
#include <cmath>
#include <vector>

#include "turnpike/problem.hpp"

namespace turnpike {

/// The states of one tile that a backward pass starts from again, where records are computed a second time.
/// Nodes are kept as a stack: the backward pass takes them from the last to the first.
template <class T>
class Checkpoints {
 public:
  /// At most `capacity` ≥ 1 states at once, over `intervals` intervals.
  Checkpoints(Recomputation kind, Index capacity, Index intervals)
      : kind_(kind),
        capacity_(capacity),
        stride_((intervals + capacity - 1) / capacity),
        states_(static_cast<std::size_t>(capacity)) {
    nodes_.reserve(static_cast<std::size_t>(capacity));
  }

  void clear() { nodes_.clear(); }
  [[nodiscard]] bool empty() const { return nodes_.empty(); }

  void push(Index node, const State<T>& X) {
    assert(static_cast<Index>(nodes_.size()) < capacity_);
    states_[nodes_.size()] = X;
    nodes_.push_back(node);
  }
  void pop() { nodes_.pop_back(); }
  [[nodiscard]] Index last() const { return nodes_.back(); }
  [[nodiscard]] const State<T>& state() const { return states_[nodes_.size() - 1]; }

  /// The node after last() at which to keep the next state, when the pass goes on to node `end`; `end` when
  /// none is to be kept.
  [[nodiscard]] Index next(Index end) const {
    const Index left = end - last();
    if (kind_ == Recomputation::every) {
      return std::min(end, last() + stride_);
    }
    const Index free = capacity_ - static_cast<Index>(nodes_.size());
    return free == 0 || left < 2 ? end : last() + first_part(left, free);
  }

 private:
  /// Where to split `steps` with `free` states to keep, so that the number of steps computed again is least:
  /// Griewank, Walther, ACM TOMS 26, 2000. β(s, r) = C(s + r, s) steps can be reversed with s states when no
  /// step is computed more than r times.
  static Index first_part(Index steps, Index free) {
    Index repetitions = 1;
    while (reversible(free + 1, repetitions) < steps) {
      ++repetitions;
    }
    // Neither part is to need one repetition more, nor to leave one unused.
    const Index most =
        std::min(reversible(free + 1, repetitions - 1), steps - reversible(free, repetitions - 1));
    const Index least = steps - reversible(free, repetitions);
    return std::clamp(most, std::max<Index>(least, 1), steps - 1);
  }
  static Index reversible(Index states, Index repetitions) {
    double count = 1;
    for (Index i = 1; i <= repetitions; ++i) {
      count = count * static_cast<double>(states + i) / static_cast<double>(i);
      if (count > 1e12) {
        return Index{1} << 40;
      }
    }
    return std::lround(count);
  }

  Recomputation kind_;
  Index capacity_;
  Index stride_;
  std::vector<State<T>> states_;
  std::vector<Index> nodes_;
};

}  // namespace turnpike
