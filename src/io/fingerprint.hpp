#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace turnpike {

/// `hash` with the bytes of `values` mixed in, eight at a time: enough to tell damaged or other data, not to
/// withstand forgery.
template <class Value>
std::uint64_t mixed(std::uint64_t hash, std::span<const Value> values) {
  const std::span<const std::byte> bytes = std::as_bytes(values);
  for (std::size_t i = 0; i < bytes.size(); i += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, std::min(sizeof word, bytes.size() - i));
    hash = (hash ^ word) * 0x9E3779B97F4A7C15U;
    hash ^= hash >> 32U;
  }
  return hash;
}

}  // namespace turnpike
