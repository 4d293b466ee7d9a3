#pragma once

#include <array>
#include <cassert>
#include <type_traits>
#include <utility>

#include "core/simd.hpp"

namespace turnpike {

/// The largest order N of a system that `eliminate` takes.
inline constexpr Index largest_elimination = 16;

namespace detail {

template <class P>
TURNPIKE_INLINE P magnitude(P x) {
  return simd::select(x < P{}, -x, x);
}

/// One pack of samples; Size is N, known at compile time or not.
template <class T, class Size, class Access>
void eliminate_pack(Size size, Index columns, const T* M, T* b, Access access) {
  using Pack = simd::Pack<T>;
  constexpr bool fixed = !std::is_same_v<Size, Index>;
  constexpr auto capacity = static_cast<std::size_t>([] {
    if constexpr (fixed) {
      return Size::value;
    } else {
      return largest_elimination;
    }
  }());
  const std::size_t N = static_cast<std::size_t>(static_cast<Index>(size));
  std::array<std::array<Pack, capacity>, capacity> m;
  std::array<Pack, capacity> x;
  for (std::size_t i = 0; i < N; ++i) {
    for (std::size_t j = 0; j < N; ++j) {
      m[i][j] = access.template load<T>(M + static_cast<Index>(i * N + j) * columns);
    }
    x[i] = access.template load<T>(b + static_cast<Index>(i) * columns);
  }
  for (std::size_t k = 0; k < N; ++k) {
    // Each lane brings its own largest entry of column k into row k.
    for (std::size_t i = k + 1; i < N; ++i) {
      const auto larger = magnitude(m[i][k]) > magnitude(m[k][k]);
      for (std::size_t j = k; j < N; ++j) {
        const Pack upper = m[k][j];
        m[k][j] = simd::select(larger, m[i][j], upper);
        m[i][j] = simd::select(larger, upper, m[i][j]);
      }
      const Pack upper = x[k];
      x[k] = simd::select(larger, x[i], upper);
      x[i] = simd::select(larger, upper, x[i]);
    }
    for (std::size_t i = k + 1; i < N; ++i) {
      const Pack factor = m[i][k] / m[k][k];
      for (std::size_t j = k + 1; j < N; ++j) {
        m[i][j] = m[i][j] - factor * m[k][j];
      }
      x[i] = x[i] - factor * x[k];
    }
  }
  for (std::size_t i = N; i-- > 0;) {
    for (std::size_t j = i + 1; j < N; ++j) {
      x[i] = x[i] - m[i][j] * x[j];
    }
    x[i] = x[i] / m[i][i];
    access.template store<T>(b + static_cast<Index>(i) * columns, x[i]);
  }
}

}  // namespace detail

/// Solves M_d x_d = b_d, a system of order N ≤ largest_elimination for every sample d, by Gaussian
/// elimination with partial pivoting; vectorized over the samples, which do not interact. Entry (i, j) of M_d
/// stands at M[(i N + j) columns + d], entry i of b_d at b[i columns + d]; x overwrites b. A singular M_d
/// leaves infinite or NaN entries in x_d.
template <class T>
void eliminate(Index N, Index columns, const T* M, T* b) {
  assert(N >= 1 && N <= largest_elimination);
  const auto run = [&](auto size) {
    simd::for_each_pack<T>(columns, [&](Index d, auto access) {
      detail::eliminate_pack<T>(size, columns, M + d, b + d, access);
    });
  };
  switch (N) {
    case 1:
      return run(std::integral_constant<Index, 1>{});
    case 2:
      return run(std::integral_constant<Index, 2>{});
    case 3:
      return run(std::integral_constant<Index, 3>{});
    case 4:
      return run(std::integral_constant<Index, 4>{});
    case 6:
      return run(std::integral_constant<Index, 6>{});
    default:
      return run(N);
  }
}

}  // namespace turnpike
