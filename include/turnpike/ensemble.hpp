#pragma once

#include <Eigen/Core>
#include <cassert>
#include <cstddef>
#include <string>
#include <vector>

namespace turnpike {

using Index = std::ptrdiff_t;

/// A read-only view of some samples' values: `rows` components by `columns` samples. A component is
/// contiguous over the samples; component i of sample d stands at data[i * stride + d]. No alignment
/// beyond that of T is promised.
template <class T>
struct ConstTile {
  const T* data = nullptr;
  Index rows = 0;
  Index columns = 0;
  Index stride = 0;

  [[nodiscard]] const T* row(Index i) const {
    assert(i >= 0 && i < rows);
    return data + i * stride;
  }
  [[nodiscard]] const T& operator()(Index i, Index d) const { return data[i * stride + d]; }
};

/// The writable counterpart of ConstTile, to which it converts. A tile is the unit of cache blocking,
/// of threads and of determinism: samples do not interact, so a tile runs through all layers, forward
/// and backward, by itself.
template <class T>
struct Tile {
  T* data = nullptr;
  Index rows = 0;
  Index columns = 0;
  Index stride = 0;

  [[nodiscard]] T* row(Index i) const {
    assert(i >= 0 && i < rows);
    return data + i * stride;
  }
  [[nodiscard]] T& operator()(Index i, Index d) const { return data[i * stride + d]; }
  operator ConstTile<T>() const { return {data, rows, columns, stride}; }  // NOLINT: a view of a view
};

/// The samples' states, n×D, one column per sample, each component contiguous over the samples. Unaligned,
/// because aligned memory of Eigen cannot be handed to code compiled for another instruction set.
template <class T>
using State = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor | Eigen::DontAlign>;

/// The whole of `X` (n×D) as a tile.
template <class T>
[[nodiscard]] Tile<T> tile_of(State<T>& X) {
  return {X.data(), X.rows(), X.cols(), X.cols()};
}
template <class T>
[[nodiscard]] ConstTile<T> tile_of(const State<T>& X) {
  return {X.data(), X.rows(), X.cols(), X.cols()};
}

/// The entries of a tile as a matrix of Eigen (n×D), for formulas as on paper. It refers to the tile's
/// memory.
template <class T>
[[nodiscard]] auto matrix(Tile<T> X) {
  return Eigen::Map<State<T>, Eigen::Unaligned, Eigen::OuterStride<>>(X.data, X.rows, X.columns,
                                                                      Eigen::OuterStride<>(X.stride));
}
template <class T>
[[nodiscard]] auto matrix(ConstTile<T> X) {
  return Eigen::Map<const State<T>, Eigen::Unaligned, Eigen::OuterStride<>>(X.data, X.rows, X.columns,
                                                                            Eigen::OuterStride<>(X.stride));
}

/// How the features of a sample are laid out as a picture: row by row, 0 black and the largest value white.
struct ImageShape {
  Index rows = 0;  ///< 0 when the features are no picture
  Index columns = 0;
};

/// Labelled samples. Features are finite and hold no negative zero, so that zero control returns
/// every state bit for bit.
template <class T>
struct Dataset {
  State<T> features;                       ///< number of features × D
  std::vector<int> labels;                 ///< D class indices, 0 to C − 1
  std::vector<std::string> classes;        ///< C names, in the order of the class indices
  std::vector<std::string> feature_names;  ///< one a feature; empty when the source names none
  ImageShape image;

  [[nodiscard]] Index size() const { return features.cols(); }
  [[nodiscard]] Index feature_count() const { return features.rows(); }
  [[nodiscard]] Index class_count() const { return static_cast<Index>(classes.size()); }
};

/// The initial state of a sample are its features, then n − (number of features) components that start at 0.
/// Throws InputError when n is smaller than the number of features.
void check_state_dimension(Index n, Index features);

}  // namespace turnpike
