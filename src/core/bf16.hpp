#pragma once

#include <bit>
#include <cstdint>

namespace turnpike::kernels {

/// The bfloat16 number next to x, ties to even: the upper half of a float's bits. Infinite stays infinite,
/// what rounds beyond the largest number becomes infinite, NaN stays NaN.
inline std::uint16_t to_bf16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  constexpr std::uint32_t exponent = 0x7F800000U;
  if ((bits & exponent) == exponent && (bits & 0x007FFFFFU) != 0) {
    return static_cast<std::uint16_t>(bits >> 16U | 0x40U);  // quiet
  }
  const std::uint32_t half = 0x7FFFU + (bits >> 16U & 1U);
  return static_cast<std::uint16_t>((bits + half) >> 16U);
}

inline float from_bf16(std::uint16_t x) { return std::bit_cast<float>(std::uint32_t{x} << 16U); }

}  // namespace turnpike::kernels
