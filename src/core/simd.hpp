#pragma once

#include <cstdint>
#include <cstring>
#include <utility>

#include "turnpike/ensemble.hpp"

/// Kernels are written once for packs: as many samples as a vector register holds. For float and double a
/// pack is a compiler vector; for any other scalar (a dual number in tests) it is the scalar itself, so
/// that such a scalar runs through the same code.
namespace turnpike::simd {

#if defined(__AVX512F__)
inline constexpr int register_bytes = 64;
#elif defined(__AVX__)
inline constexpr int register_bytes = 32;
#else
inline constexpr int register_bytes = 16;
#endif

template <class T>
struct PackOf {
  using Type = T;
  using Mask = bool;
  static constexpr Index width = 1;
};
template <>
struct PackOf<double> {
  using Type = double __attribute__((vector_size(register_bytes)));
  using Mask = std::int64_t __attribute__((vector_size(register_bytes)));
  static constexpr Index width = register_bytes / 8;
};
template <>
struct PackOf<float> {
  using Type = float __attribute__((vector_size(register_bytes)));
  using Mask = std::int32_t __attribute__((vector_size(register_bytes)));
  static constexpr Index width = register_bytes / 4;
};

template <class T>
using Pack = typename PackOf<T>::Type;
template <class T>
using Mask = typename PackOf<T>::Mask;
template <class T>
inline constexpr Index width = PackOf<T>::width;

#define TURNPIKE_INLINE [[gnu::always_inline]] inline

template <class T>
TURNPIKE_INLINE Pack<T> broadcast(T value) {
  if constexpr (width<T> == 1) {
    return value;
  } else {
    return value - Pack<T>{};
  }
}

/// Loads a full pack from memory without alignment.
template <class T>
TURNPIKE_INLINE Pack<T> load(const T* from) {
  if constexpr (width<T> == 1) {
    return *from;
  } else {
    Pack<T> pack;
    std::memcpy(&pack, from, sizeof pack);
    return pack;
  }
}

template <class T>
TURNPIKE_INLINE void store(T* to, Pack<T> pack) {
  if constexpr (width<T> == 1) {
    *to = pack;
  } else {
    std::memcpy(to, &pack, sizeof pack);
  }
}

/// Loads the first `count` < width lanes; the others are zero.
template <class T>
TURNPIKE_INLINE Pack<T> load_part(const T* from, Index count) {
  if constexpr (width<T> == 1) {
    (void)count;
    return *from;
  } else {
    Pack<T> pack{};
    std::memcpy(&pack, from, static_cast<std::size_t>(count) * sizeof(T));
    return pack;
  }
}

template <class T>
TURNPIKE_INLINE void store_part(T* to, Pack<T> pack, Index count) {
  if constexpr (width<T> == 1) {
    (void)count;
    *to = pack;
  } else {
    std::memcpy(to, &pack, static_cast<std::size_t>(count) * sizeof(T));
  }
}

/// Lane by lane: mask ? yes : no.
template <class M, class P>
TURNPIKE_INLINE P select(M mask, P yes, P no) {
  return mask ? yes : no;
}

namespace detail {

/// Lane i of the result is lane (i + Shift) mod width of `pack`.
template <class T, int Shift, std::size_t... I>
TURNPIKE_INLINE Pack<T> rotate(Pack<T> pack, std::index_sequence<I...> /*lanes*/) {
  return __builtin_shufflevector(pack, pack, static_cast<int>((I + Shift) % sizeof...(I))...);
}

template <class T, int Shift>
TURNPIKE_INLINE T fold(Pack<T> pack) {
  if constexpr (Shift == 0) {
    return pack[0];
  } else {
    using Lanes = std::make_index_sequence<static_cast<std::size_t>(width<T>)>;
    return fold<T, Shift / 2>(pack + rotate<T, Shift>(pack, Lanes{}));
  }
}

}  // namespace detail

/// The sum of all lanes, always in the same order.
template <class T>
TURNPIKE_INLINE T horizontal_sum(Pack<T> pack) {
  if constexpr (width<T> == 1) {
    return pack;
  } else {
    return detail::fold<T, static_cast<int>(width<T> / 2)>(pack);
  }
}

/// Access to the lanes of one pack of a row: `Whole` for full packs, `Part` for the last columns.
struct Whole {
  template <class T>
  TURNPIKE_INLINE Pack<T> load(const T* from) const {
    return simd::load<T>(from);
  }
  template <class T>
  TURNPIKE_INLINE void store(T* to, Pack<T> pack) const {
    simd::store<T>(to, pack);
  }
};
struct Part {
  Index count;
  template <class T>
  TURNPIKE_INLINE Pack<T> load(const T* from) const {
    return simd::load_part<T>(from, count);
  }
  template <class T>
  TURNPIKE_INLINE void store(T* to, Pack<T> pack) const {
    simd::store_part<T>(to, pack, count);
  }
};

/// Calls body(first column, access) for every pack of `columns` columns. Lanes beyond the last column
/// read as zero and are not written.
template <class T, class Body>
TURNPIKE_INLINE void for_each_pack(Index columns, Body&& body) {
  Index d = 0;
  for (; d + width<T> <= columns; d += width<T>) {
    body(d, Whole{});
  }
  if (d < columns) {
    body(d, Part{columns - d});
  }
}

}  // namespace turnpike::simd
