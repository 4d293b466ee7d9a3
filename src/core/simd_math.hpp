#pragma once

#include <array>
#include <cmath>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif
#include <type_traits>

#include "core/simd.hpp"

/// Elementary functions on packs, accurate to about one unit in the last place on the ranges named.
/// NaN in gives NaN out. Cody-Waite argument reduction by powers of two (Muller, Elementary Functions,
/// 3rd ed., section 11.2), then the polynomial that interpolates at the Chebyshev nodes of the reduced
/// range.
namespace turnpike::simd {

namespace detail {

template <class T>
struct FloatFormat;
template <>
struct FloatFormat<double> {
  using Integer = std::int64_t;
  static constexpr int mantissa_bits = 52;
  static constexpr Integer bias = 1023;
  static constexpr double round_shift = 6755399441055744.0;  // 1.5 · 2^52: adding it rounds to integer
  static constexpr double ln2_high = 0x1.62e42fefa38p-1;     // 42 bits: products with |k| < 2^11 exact
  static constexpr double ln2_low = 0x1.ef35793c7673p-45;
  static constexpr double largest_exponent = 709.0;
  static constexpr double smallest_exponent = -708.0;
  static constexpr double tanh_saturates = 20.0;
  /// (e^r − 1 − r)/r² ≈ Σ c_i r^i on |r| ≤ ln 2 / 2; e^r − 1 comes out within 4.2e-17 of its size.
  static constexpr std::array<double, 10> expm1 = {
      0x1.0000000000001p-1,  0x1.5555555555556p-3,  0x1.5555555553d37p-5,  0x1.11111111109a6p-7,
      0x1.6c16c1789d1d7p-10, 0x1.a01a01a7cebcdp-13, 0x1.a019b8ca26fcfp-16, 0x1.71de0d85293b8p-19,
      0x1.2891d4ffbb0f9p-22, 0x1.af390ba7e6f47p-26};
};
template <>
struct FloatFormat<float> {
  using Integer = std::int32_t;
  static constexpr int mantissa_bits = 23;
  static constexpr Integer bias = 127;
  static constexpr float round_shift = 12582912.0F;  // 1.5 · 2^23
  static constexpr float ln2_high = 0x1.62e4p-1F;
  static constexpr float ln2_low = 0x1.7f7d1cp-20F;
  static constexpr float largest_exponent = 88.0F;
  static constexpr float smallest_exponent = -87.0F;
  static constexpr float tanh_saturates = 10.0F;
  /// As above, within 5.4e-10.
  static constexpr std::array<float, 6> expm1 = {0.500000001354F,   0.166666666817F,   0.0416664641974F,
                                                 0.00833331084465F, 0.00139337307158F, 0.00019891080464F};
};

/// x = k ln 2 + r, |r| ≤ ln 2 / 2: returns e^r − 1 relative to r and sets `power` = 2^k.
/// Needs smallest_exponent ≤ x ≤ largest_exponent (or NaN).
template <class T>
TURNPIKE_INLINE Pack<T> reduced_expm1(Pack<T> x, Pack<T>& power) {
  using F = FloatFormat<T>;
  const Pack<T> shifted = x * T(1.4426950408889634074) + F::round_shift;
  const Pack<T> k = shifted - F::round_shift;
  Pack<T> r = x - k * F::ln2_high;
  r = r - k * F::ln2_low;
  // 2^k: the low bits of `shifted` hold k; move them to the exponent and add the bias.
  const Mask<T> bits = reinterpret_cast<Mask<T>>(shifted);
  power = reinterpret_cast<Pack<T>>((bits + F::bias) << F::mantissa_bits);
  // e^r − 1 = r + r² Σ c_i r^i; even and odd powers apart make two short chains instead of a long one.
  constexpr auto c = F::expm1;
  constexpr int last = static_cast<int>(c.size()) - 1;  // odd
  const Pack<T> r2 = r * r;
  Pack<T> even = broadcast<T>(c[last - 1]);
  Pack<T> odd = broadcast<T>(c[last]);
#pragma GCC unroll 8
  for (int i = last - 2; i >= 1; i -= 2) {
    even = even * r2 + c[i - 1];
    odd = odd * r2 + c[i];
  }
  return (even + odd * r) * r2 + r;
}

}  // namespace detail

/// The smaller of a bound and x, NaN where x is NaN. (Compilers do not find the instruction by
/// themselves because of NaN.)
template <class T>
TURNPIKE_INLINE Pack<T> at_most(T bound, Pack<T> x) {
#if defined(__AVX512F__)
  if constexpr (std::is_same_v<T, double>) {
    return Pack<T>(_mm512_min_pd(__m512d(broadcast<T>(bound)), __m512d(x)));
  } else if constexpr (std::is_same_v<T, float>) {
    return Pack<T>(_mm512_min_ps(__m512(broadcast<T>(bound)), __m512(x)));
  }
#endif
  return select(x > broadcast<T>(bound), broadcast<T>(bound), x);
}

/// The larger of a bound and x, NaN where x is NaN.
template <class T>
TURNPIKE_INLINE Pack<T> at_least(T bound, Pack<T> x) {
#if defined(__AVX512F__)
  if constexpr (std::is_same_v<T, double>) {
    return Pack<T>(_mm512_max_pd(__m512d(broadcast<T>(bound)), __m512d(x)));
  } else if constexpr (std::is_same_v<T, float>) {
    return Pack<T>(_mm512_max_ps(__m512(broadcast<T>(bound)), __m512(x)));
  }
#endif
  return select(x < broadcast<T>(bound), broadcast<T>(bound), x);
}

/// eˣ; arguments beyond the range of T saturate at its ends (0 and about the largest value).
template <class T>
TURNPIKE_INLINE Pack<T> exp(Pack<T> x) {
  if constexpr (width<T> == 1) {
    using std::exp;
    return exp(x);
  } else {
    using F = detail::FloatFormat<T>;
    const Mask<T> underflows = x < broadcast<T>(F::smallest_exponent);
    const Pack<T> y = at_most<T>(F::largest_exponent, at_least<T>(F::smallest_exponent, x));
    Pack<T> power;
    const Pack<T> e = detail::reduced_expm1<T>(y, power);
    return select(underflows, Pack<T>{}, power * e + power);
  }
}

/// tanh x = (e^{2x} − 1) / ((e^{2x} − 1) + 2), accurate relative to x near 0.
template <class T>
TURNPIKE_INLINE Pack<T> tanh(Pack<T> x) {
  if constexpr (width<T> == 1) {
    using std::tanh;
    return tanh(x);
  } else {
    const T end = detail::FloatFormat<T>::tanh_saturates;
    const Pack<T> y = at_least<T>(-end, at_most<T>(end, x));
    Pack<T> power;
    const Pack<T> e = detail::reduced_expm1<T>(y + y, power);
    const Pack<T> expm1 = power * e + (power - T(1));
    return expm1 / (expm1 + T(2));
  }
}

/// ln x for normal positive x; NaN for NaN, +∞ for +∞.
template <class T>
TURNPIKE_INLINE Pack<T> log(Pack<T> x) {
  using std::log;
  if constexpr (width<T> == 1) {
    return log(x);
  } else {
    Pack<T> result{};
    for (Index i = 0; i < width<T>; ++i) {
      result[i] = log(x[i]);
    }
    return result;
  }
}

/// erf x, lane by lane.
template <class T>
TURNPIKE_INLINE Pack<T> erf(Pack<T> x) {
  using std::erf;
  if constexpr (width<T> == 1) {
    return erf(x);
  } else {
    Pack<T> result{};
    for (Index i = 0; i < width<T>; ++i) {
      result[i] = erf(x[i]);
    }
    return result;
  }
}

template <class T>
TURNPIKE_INLINE Pack<T> abs(Pack<T> x) {
  return select(x < broadcast<T>(T(0)), -x, x);
}

template <class T>
TURNPIKE_INLINE Pack<T> max(Pack<T> x, Pack<T> y) {
  return select(x < y, y, x);
}

}  // namespace turnpike::simd
