#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "turnpike/ensemble.hpp"

namespace turnpike {

/// One accepted step as the backward pass needs it.
template <class T>
struct TapeStep {
  T t;        ///< where the step began
  T h;        ///< its size
  T* record;  ///< what the method left there
};

/// What one tile keeps of a forward pass: its steps in order, each with a record. Memory is taken in
/// blocks that never move and is kept by `clear`, so that a second pass of the same size allocates
/// nothing.
template <class T>
class Tape {
 public:
  /// Appends a step with a record of `size` ≥ 0 entries (uninitialized) and returns the record. Throws
  /// std::length_error for a negative size: a plug-in's mistake is not to end in another's memory.
  T* push(T t, T h, Index size) {
    if (size < 0) {
      throw std::length_error("a record of a tape of " + std::to_string(size) + " entries; give at least 0");
    }
    while (block_ < blocks_.size() && blocks_[block_].capacity - used_ < size) {
      ++block_;
      used_ = 0;
    }
    if (block_ == blocks_.size()) {
      const Index capacity = std::max(size, smallest_block);
      blocks_.push_back({std::make_unique_for_overwrite<T[]>(static_cast<std::size_t>(capacity)), capacity});
      used_ = 0;
    }
    starts_.push_back({block_, used_});
    T* record = blocks_[block_].memory.get() + used_;
    used_ += size;
    steps_.push_back({t, h, record});
    return record;
  }

  /// Takes the last step back.
  void pop() {
    assert(!steps_.empty());
    block_ = starts_.back().block;
    used_ = starts_.back().offset;
    starts_.pop_back();
    steps_.pop_back();
  }

  /// Takes back all steps but the first `size`.
  void truncate(std::size_t size) {
    while (steps_.size() > size) {
      pop();
    }
  }

  /// Forgets all steps, keeps the memory.
  void clear() {
    steps_.clear();
    starts_.clear();
    block_ = 0;
    used_ = 0;
  }

  [[nodiscard]] std::size_t size() const { return steps_.size(); }
  /// Steps first to last − 1.
  [[nodiscard]] std::span<const TapeStep<T>> steps(std::size_t first, std::size_t last) const {
    return std::span<const TapeStep<T>>(steps_).subspan(first, last - first);
  }

 private:
  struct Block {
    std::unique_ptr<T[]> memory;
    Index capacity;
  };
  struct Start {
    std::size_t block;
    Index offset;
  };
  static constexpr Index smallest_block = Index{1} << 16;

  std::vector<Block> blocks_;
  std::vector<TapeStep<T>> steps_;
  std::vector<Start> starts_;  // where each step's record begins
  std::size_t block_ = 0;
  Index used_ = 0;
};

}  // namespace turnpike
