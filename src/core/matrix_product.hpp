#pragma once

#include "core/bf16.hpp"
#include "turnpike/ensemble.hpp"

namespace turnpike::kernels {

/// A factor of a matrix product, as it is stored or transposed.
template <class T>
struct Factor {
  ConstTile<T> stored;
  bool transposed = false;

  [[nodiscard]] Index rows() const { return transposed ? stored.columns : stored.rows; }
  [[nodiscard]] Index columns() const { return transposed ? stored.rows : stored.columns; }
};

/// A weight matrix (rows×columns, stored row by row) as a factor.
template <class T>
[[nodiscard]] Factor<T> weights(const T* A, Index rows, Index columns) {
  return {{A, rows, columns, columns}, false};
}

template <class T>
[[nodiscard]] Factor<T> transpose(Factor<T> factor) {
  return {factor.stored, !factor.transposed};
}

/// Who multiplies factors in bfloat16. The product of two entries is exact in float, so that results differ
/// in the order of sums, and where numbers are so small that they are subnormal: native takes those as zero.
enum class Bf16Products {
  native,    ///< oneDNN, with the processor's instructions; see `bf16_products_exist`
  emulated,  ///< what multiplies floats
};

/// Whether a result takes the place of what stands there or is added to it.
enum class Into { overwrite, add };

/// C = A B, or C += A B. Runs on the calling thread alone and gives the same bits on any
/// number of threads. Float goes to oneDNN where the build has it and the product is large, all else to
/// Eigen.
void multiply(Factor<float> A, Factor<float> B, Tile<float> C, Into into);
void multiply(Factor<double> A, Factor<double> B, Tile<double> C, Into into);

/// The same with factors in bfloat16, stored without gaps, and sums in float. `native` throws
/// std::runtime_error where oneDNN has no such product.
void multiply(Factor<Bf16> A, Factor<Bf16> B, Tile<float> C, Into into, Bf16Products products);

/// Whether this processor and this build's oneDNN multiply in bfloat16.
bool bf16_products_exist();

/// What multiplies large float matrices, e.g. "oneDNN 2.6.3".
const char* matrix_product_library();

}  // namespace turnpike::kernels
