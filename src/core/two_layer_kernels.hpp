#pragma once

#include <array>
#include <utility>

#include "core/activation_kernels.hpp"

/// The two-layer field for small n, fused: hidden units stream through registers, N = n is known at
/// compile time, and every pass over the samples does all that it can with what it has loaded.
namespace turnpike::kernels {

/// One tile's record of the two-layer field: X (N×D), a = σ₁(A₁X + b₁1ᵀ) (h×D) and, where a does not
/// determine it, σ₁′ (h×D).
template <class T>
struct TwoLayerRecord {
  T* X;
  T* a;
  T* derivative;
};

template <class T>
struct TwoLayerControl {
  const T* A1;  ///< h×n
  const T* b1;  ///< h
  const T* A2;  ///< n×h
  const T* b2;  ///< n
};

/// out = A₂ σ₁(A₁X + b₁1ᵀ) + b₂1ᵀ; fills the record.
template <int N, class Kernel, class T>
void fused_evaluate(const TwoLayerControl<T>& u, Index h, ConstTile<T> X, Tile<T> out,
                    const TwoLayerRecord<T>& record) {
  const Index columns = X.columns;
  simd::for_each_pack<T>(columns, [&](Index d, auto access) {
    std::array<Pack<T>, N> x;
    std::array<Pack<T>, N> sum;
    for (int i = 0; i < N; ++i) {
      x[i] = access.template load<T>(X.data + i * X.stride + d);
      access.template store<T>(record.X + i * columns + d, x[i]);
      sum[i] = simd::broadcast<T>(u.b2[i]);
    }
    for (Index j = 0; j < h; ++j) {
      Pack<T> z = simd::broadcast<T>(u.b1[j]);
      for (int i = 0; i < N; ++i) {
        z = z + x[i] * u.A1[j * N + i];
      }
      Pack<T> slope{};
      const Pack<T> a = Kernel::template value<T>(z, slope);
      access.template store<T>(record.a + j * columns + d, a);
      if constexpr (Kernel::keeps_derivative) {
        access.template store<T>(record.derivative + j * columns + d, slope);
      }
      for (int i = 0; i < N; ++i) {
        sum[i] = sum[i] + a * u.A2[i * h + j];
      }
    }
    for (int i = 0; i < N; ++i) {
      access.template store<T>(out.data + i * out.stride + d, sum[i]);
    }
  });
}

/// σ₁′ of hidden unit j at column d.
template <class Kernel, class T, class Access>
TURNPIKE_INLINE Pack<T> slope_at(const TwoLayerRecord<T>& record, Pack<T> a, Index offset, Access access) {
  if constexpr (Kernel::keeps_derivative) {
    return access.template load<T>(record.derivative + offset);
  } else {
    return Kernel::template derivative<T>(a);
  }
}

/// Hidden units j to j + Block − 1: Ā₁ += Δ₁Xᵀ, b̄₁ += Δ₁1, Ā₂ += Λ aᵀ with Δ₁ = σ₁′ ∘ A₂ᵀΛ, and
/// X̄ = A₁ᵀΔ₁ for j = 0, X̄ += A₁ᵀΔ₁ after.
template <int N, int Block, class Kernel, class T>
void fused_pull_back_block(const TwoLayerControl<T>& u, Index h, Index j, ConstTile<T> Lambda,
                           const TwoLayerRecord<T>& record, Tile<T> Xbar, T* A1bar, T* b1bar, T* A2bar) {
  const Index columns = Lambda.columns;
  std::array<std::array<Pack<T>, N>, Block> sum_A1{};
  std::array<std::array<Pack<T>, N>, Block> sum_A2{};
  std::array<Pack<T>, Block> sum_b1{};
  simd::for_each_pack<T>(columns, [&](Index d, auto access) {
    std::array<Pack<T>, N> x;
    std::array<Pack<T>, N> lambda;
    std::array<Pack<T>, N> xbar;
    for (int i = 0; i < N; ++i) {
      x[i] = access.template load<T>(record.X + i * columns + d);
      lambda[i] = access.template load<T>(Lambda.data + i * Lambda.stride + d);
      xbar[i] = j == 0 ? Pack<T>{} : access.template load<T>(Xbar.data + i * Xbar.stride + d);
    }
    for (int k = 0; k < Block; ++k) {
      const Index offset = (j + k) * columns + d;
      const Pack<T> a = access.template load<T>(record.a + offset);
      Pack<T> delta{};  // sums from zero: of a·b + c·d a compiler may fuse either product
      for (int i = 0; i < N; ++i) {
        delta = delta + lambda[i] * u.A2[i * h + j + k];
      }
      delta = delta * slope_at<Kernel, T>(record, a, offset, access);
      sum_b1[k] = sum_b1[k] + delta;
      for (int i = 0; i < N; ++i) {
        sum_A2[k][i] = sum_A2[k][i] + lambda[i] * a;
        sum_A1[k][i] = sum_A1[k][i] + delta * x[i];
        xbar[i] = xbar[i] + delta * u.A1[(j + k) * N + i];
      }
    }
    for (int i = 0; i < N; ++i) {
      access.template store<T>(Xbar.data + i * Xbar.stride + d, xbar[i]);
    }
  });
  for (int k = 0; k < Block; ++k) {
    b1bar[j + k] += simd::horizontal_sum<T>(sum_b1[k]);
    for (int i = 0; i < N; ++i) {
      A1bar[(j + k) * N + i] += simd::horizontal_sum<T>(sum_A1[k][i]);
      A2bar[i * h + j + k] += simd::horizontal_sum<T>(sum_A2[k][i]);
    }
  }
}

template <int N, class Kernel, class T>
void fused_pull_back(const TwoLayerControl<T>& u, Index h, ConstTile<T> Lambda,
                     const TwoLayerRecord<T>& record, Tile<T> Xbar, T* A1bar, T* b1bar, T* A2bar) {
  constexpr int block = N <= 2 ? 2 : 1;
  Index j = 0;
  for (; j + block <= h; j += block) {
    fused_pull_back_block<N, block, Kernel, T>(u, h, j, Lambda, record, Xbar, A1bar, b1bar, A2bar);
  }
  for (; j < h; ++j) {
    fused_pull_back_block<N, 1, Kernel, T>(u, h, j, Lambda, record, Xbar, A1bar, b1bar, A2bar);
  }
}

/// Calls body(std::integral_constant<int, n>{}) for 1 ≤ n ≤ 4.
template <class Body>
void dispatch_small_dimension(Index n, Body&& body) {
  switch (n) {
    case 1:
      return body(std::integral_constant<int, 1>{});
    case 2:
      return body(std::integral_constant<int, 2>{});
    case 3:
      return body(std::integral_constant<int, 3>{});
    default:
      return body(std::integral_constant<int, 4>{});
  }
}

}  // namespace turnpike::kernels
