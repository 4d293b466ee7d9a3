#pragma once

#include <bit>
#include <cstdint>

#include "turnpike/ensemble.hpp"

namespace turnpike::kernels {

/// The upper half of a float: 8 significant bits. Lives in memory that is handed round as floats.
struct [[gnu::may_alias]] Bf16 {
  std::uint16_t bits;
};

/// How many floats' memory so many entries take.
constexpr Index floats_for_bf16(Index entries) { return (entries + 1) / 2; }

/// The bfloat16 number next to x, ties to even. Infinite stays infinite, what rounds beyond the largest
/// number becomes infinite, NaN stays NaN.
inline Bf16 to_bf16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t rounded = bits + 0x7FFFU + (bits >> 16U & 1U);
  const std::uint32_t quiet = bits | 0x00400000U;
  const bool is_nan = (bits & 0x7FFFFFFFU) > 0x7F800000U;
  return {static_cast<std::uint16_t>((is_nan ? quiet : rounded) >> 16U)};
}

inline float from_bf16(Bf16 x) { return std::bit_cast<float>(std::uint32_t{x.bits} << 16U); }

/// Memory that is handed round as floats, as that of entries in bfloat16.
inline Bf16* bf16_in(float* memory) { return reinterpret_cast<Bf16*>(memory); }  // NOLINT: may_alias
inline const Bf16* bf16_in(const float* memory) { return reinterpret_cast<const Bf16*>(memory); }  // NOLINT

/// `from` rounded into `to` (rows·columns entries), row by row without gaps.
inline ConstTile<Bf16> round_to_bf16(ConstTile<float> from, Bf16* to) {
  for (Index i = 0; i < from.rows; ++i) {
    const float* const source = from.row(i);
    Bf16* const target = to + i * from.columns;
#if !defined(__clang__)
#pragma GCC ivdep
#endif
    for (Index d = 0; d < from.columns; ++d) {
      target[d] = to_bf16(source[d]);
    }
  }
  return {to, from.rows, from.columns, from.columns};
}

}  // namespace turnpike::kernels
