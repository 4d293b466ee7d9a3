#pragma once

#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "turnpike/ensemble.hpp"

namespace turnpike {

/// The nodes 0 = t_0 < t_1 < … < t_K = T of the control intervals.
class TimeGrid {
 public:
  /// K intervals of equal length T/K. Throws InputError unless K ≥ 1 and T is finite and positive.
  static TimeGrid uniform(Index intervals, double horizon);

  /// Nodes given one by one. Throws InputError unless they start at 0 and increase strictly.
  explicit TimeGrid(std::vector<double> nodes);

  [[nodiscard]] Index intervals() const { return static_cast<Index>(nodes_.size()) - 1; }
  [[nodiscard]] double node(Index k) const { return nodes_[static_cast<std::size_t>(k)]; }
  /// h_k = t_{k+1} − t_k.
  [[nodiscard]] double length(Index k) const { return node(k + 1) - node(k); }
  [[nodiscard]] double horizon() const { return nodes_.back(); }
  [[nodiscard]] const std::vector<double>& nodes() const { return nodes_; }

 private:
  std::vector<double> nodes_;
};

/// One named matrix (or, with one column, vector) inside the control u_k of an interval.
struct ControlBlock {
  std::string name;     ///< "A1", "b1", … as in the model file
  Index rows = 0;       ///<
  Index columns = 0;    ///< 1 for a vector
  bool vector = false;  ///< a bias: the model file stores it without the trailing dimension
  Index offset = 0;     ///< of its first entry in u_k; entries are stored row by row
};

/// How the entries of one interval's control u_k ∈ R^{n_u} are laid out.
class ControlLayout {
 public:
  ControlLayout() = default;
  /// Blocks in order; their offsets are filled in.
  explicit ControlLayout(std::vector<ControlBlock> blocks);

  [[nodiscard]] const std::vector<ControlBlock>& blocks() const { return blocks_; }
  [[nodiscard]] Index size() const { return size_; }  ///< n_u
  /// The block called `name`; asserts that there is one.
  [[nodiscard]] const ControlBlock& block(std::string_view name) const;

 private:
  std::vector<ControlBlock> blocks_;
  Index size_ = 0;
};

/// A piecewise-constant control: one flat vector of K·n_u entries, interval after interval, with named
/// matrix views.
template <class T>
class Control {
 public:
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  Control() = default;
  /// All entries zero: every state is an equilibrium.
  Control(ControlLayout layout, Index intervals)
      : layout_(std::move(layout)),
        intervals_(intervals),
        values_(static_cast<std::size_t>(layout_.size() * intervals), T(0)) {}

  [[nodiscard]] const ControlLayout& layout() const { return layout_; }
  [[nodiscard]] Index intervals() const { return intervals_; }
  [[nodiscard]] Index size() const { return static_cast<Index>(values_.size()); }  ///< K·n_u

  [[nodiscard]] std::span<T> values() { return values_; }
  [[nodiscard]] std::span<const T> values() const { return values_; }

  /// u_k, n_u entries.
  [[nodiscard]] T* interval(Index k) { return values_.data() + k * layout_.size(); }
  [[nodiscard]] const T* interval(Index k) const { return values_.data() + k * layout_.size(); }

  /// The named matrix of interval k, a view of the flat vector.
  [[nodiscard]] Eigen::Map<Matrix> matrix(std::string_view name, Index k) {
    const ControlBlock& b = layout_.block(name);
    return {interval(k) + b.offset, b.rows, b.columns};
  }
  [[nodiscard]] Eigen::Map<const Matrix> matrix(std::string_view name, Index k) const {
    const ControlBlock& b = layout_.block(name);
    return {interval(k) + b.offset, b.rows, b.columns};
  }

 private:
  ControlLayout layout_;
  Index intervals_ = 0;
  std::vector<T> values_;
};

/// ‖u_k‖₂.
template <class T>
[[nodiscard]] double control_norm(const Control<T>& u, Index k) {
  double sum = 0;
  for (Index i = 0; i < u.layout().size(); ++i) {
    const auto value = static_cast<double>(u.interval(k)[i]);
    sum += value * value;
  }
  return std::sqrt(sum);
}

}  // namespace turnpike
