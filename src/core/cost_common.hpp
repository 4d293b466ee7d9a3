#pragma once

#include "core/simd.hpp"
#include "turnpike/cost.hpp"

namespace turnpike {

template <class T>
void Cost<T>::add_state_gradient(ConstTile<T> gradient, T mu, Tile<T> Xbar) const {
  const std::span<const Index> at = components();
  for (Index c = 0; c < gradient.rows; ++c) {
    const T* const g = gradient.row(c);
    T* const xbar = Xbar.row(at[static_cast<std::size_t>(c)]);
    simd::for_each_pack<T>(gradient.columns, [&](Index d, auto access) {
      access.template store<T>(xbar + d,
                               access.template load<T>(xbar + d) + access.template load<T>(g + d) * mu);
    });
  }
}

}  // namespace turnpike
