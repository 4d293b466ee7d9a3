#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <utility>

#include "core/simd.hpp"

namespace turnpike {

/// Σ_j w_j S_j over tiles of equal shape; terms with w_j = 0 are dropped. One pass over the memory.
template <class T>
class LinearCombination {
 public:
  static constexpr std::size_t capacity = 16;

  void add(T weight, ConstTile<T> state) {
    if (weight == T(0)) {
      return;
    }
    assert(count_ < capacity);
    weights_[count_] = weight;
    states_[count_] = state;
    ++count_;
  }

  [[nodiscard]] bool empty() const { return count_ == 0; }

  /// out = base + Σ_j w_j S_j; out may be base.
  void add_to(ConstTile<T> base, Tile<T> out) const {
    run(out, [&](Index i, Index d, auto access) { return access.template load<T>(base.row(i) + d); });
  }

  /// out = Σ_j w_j S_j.
  void assign_to(Tile<T> out) const {
    run(out, [](Index /*i*/, Index /*d*/, auto /*access*/) { return simd::Pack<T>{}; });
  }

 private:
  template <class Start>
  void run(Tile<T> out, Start&& start) const {
    switch (count_) {
      case 1:
        return sum(out, start, std::integral_constant<std::size_t, 1>{});
      case 2:
        return sum(out, start, std::integral_constant<std::size_t, 2>{});
      case 3:
        return sum(out, start, std::integral_constant<std::size_t, 3>{});
      case 4:
        return sum(out, start, std::integral_constant<std::size_t, 4>{});
      default:
        return sum(out, start, count_);
    }
  }

  template <class Start, class Count>
  void sum(Tile<T> out, Start& start, Count count) const {
    for (Index i = 0; i < out.rows; ++i) {
      simd::for_each_pack<T>(out.columns, [&](Index d, auto access) {
        simd::Pack<T> value = start(i, d, access);
        for (std::size_t j = 0; j < count; ++j) {
          value = value + access.template load<T>(states_[j].data + i * states_[j].stride + d) * weights_[j];
        }
        access.template store<T>(out.data + i * out.stride + d, value);
      });
    }
  }

  std::array<T, capacity> weights_;
  std::array<ConstTile<T>, capacity> states_;
  std::size_t count_ = 0;
};

}  // namespace turnpike
