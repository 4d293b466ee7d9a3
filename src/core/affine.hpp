#pragma once

#include <type_traits>

#include "core/matrix_product.hpp"
#include "core/simd.hpp"

/// Z = A X + b 1ᵀ and its adjoint, for matrices A (m×n) stored row by row. Small n runs over packs of
/// samples with A's entries broadcast; large n goes to matrix-matrix products.
namespace turnpike::kernels {

using simd::Pack;

/// Up to this n products run over packs: for such sizes no matrix-matrix product of any library comes
/// near (a factor of 2 to 4).
inline constexpr Index largest_small_dimension = 4;

template <class T>
inline constexpr bool has_matrix_products = std::is_same_v<T, float> || std::is_same_v<T, double>;

/// Z += b 1ᵀ.
template <class T>
void add_to_rows(const T* b, Tile<T> Z) {
  for (Index i = 0; i < Z.rows; ++i) {
    T* const z = Z.row(i);
    simd::for_each_pack<T>(Z.columns, [&](Index d, auto access) {
      access.template store<T>(z + d, access.template load<T>(z + d) + b[i]);
    });
  }
}

/// Z (m×D) = A X + b 1ᵀ, or Z += A X + b 1ᵀ; b may be null.
template <class T>
void affine(const T* A, const T* b, ConstTile<T> X, Tile<T> Z, Into into = Into::overwrite) {
  if constexpr (has_matrix_products<T>) {
    if (X.rows > largest_small_dimension) {
      multiply(weights(A, Z.rows, X.rows), Factor<T>{X}, Z, into);
      if (b != nullptr) {
        add_to_rows(b, Z);
      }
      return;
    }
  }
  for (Index i = 0; i < Z.rows; ++i) {
    simd::for_each_pack<T>(X.columns, [&](Index d, auto access) {
      Pack<T> z = simd::broadcast<T>(b == nullptr ? T(0) : b[i]);
      for (Index j = 0; j < X.rows; ++j) {
        z = z + access.template load<T>(X.row(j) + d) * A[i * X.rows + j];
      }
      if (into == Into::add) {
        z = access.template load<T>(Z.row(i) + d) + z;
      }
      access.template store<T>(Z.row(i) + d, z);
    });
  }
}

/// X̄ (n×D) = Aᵀ Δ, or X̄ += Aᵀ Δ, with Δ (m×D).
template <class T>
void affine_pull_back_state(const T* A, ConstTile<T> Delta, Tile<T> Xbar, Into into = Into::overwrite) {
  if constexpr (has_matrix_products<T>) {
    if (Xbar.rows > largest_small_dimension) {
      multiply(transpose(weights(A, Delta.rows, Xbar.rows)), Factor<T>{Delta}, Xbar, into);
      return;
    }
  }
  for (Index j = 0; j < Xbar.rows; ++j) {
    simd::for_each_pack<T>(Delta.columns, [&](Index d, auto access) {
      Pack<T> sum{};
      for (Index i = 0; i < Delta.rows; ++i) {
        sum = sum + access.template load<T>(Delta.row(i) + d) * A[i * Xbar.rows + j];
      }
      if (into == Into::add) {
        sum = access.template load<T>(Xbar.row(j) + d) + sum;
      }
      access.template store<T>(Xbar.row(j) + d, sum);
    });
  }
}

/// b̄ += Δ 1.
template <class T>
void accumulate_row_sums(ConstTile<T> Delta, T* bbar) {
  for (Index i = 0; i < Delta.rows; ++i) {
    Pack<T> sum{};
    simd::for_each_pack<T>(
        Delta.columns, [&](Index d, auto access) { sum = sum + access.template load<T>(Delta.row(i) + d); });
    bbar[i] += simd::horizontal_sum<T>(sum);
  }
}

/// Ā (m×n) += Δ Xᵀ.
template <class T>
void affine_pull_back_weights(ConstTile<T> X, ConstTile<T> Delta, T* Abar) {
  if constexpr (has_matrix_products<T>) {
    if (X.rows > largest_small_dimension) {
      multiply(Factor<T>{Delta}, transpose(Factor<T>{X}), Tile<T>{Abar, Delta.rows, X.rows, X.rows},
               Into::add);
      return;
    }
  }
  for (Index i = 0; i < Delta.rows; ++i) {
    for (Index j = 0; j < X.rows; ++j) {
      Pack<T> sum{};
      simd::for_each_pack<T>(X.columns, [&](Index d, auto access) {
        sum = sum + access.template load<T>(Delta.row(i) + d) * access.template load<T>(X.row(j) + d);
      });
      Abar[i * X.rows + j] += simd::horizontal_sum<T>(sum);
    }
  }
}

}  // namespace turnpike::kernels
