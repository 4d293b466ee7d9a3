#pragma once

#include "core/simd.hpp"
#include "turnpike/field.hpp"
#include "turnpike/integrator.hpp"

/// What fields and systems do that do not add their results themselves.
namespace turnpike {

namespace kernels {

/// sum += w X, for tiles of equal shape.
template <class T>
void add_multiple(T w, ConstTile<T> X, Tile<T> sum) {
  for (Index i = 0; i < X.rows; ++i) {
    const T* const x = X.row(i);
    T* const s = sum.row(i);
    simd::for_each_pack<T>(X.columns, [&](Index d, auto access) {
      access.template store<T>(s + d, access.template load<T>(s + d) + access.template load<T>(x + d) * w);
    });
  }
}

}  // namespace kernels

template <class T>
void VectorField<T>::evaluate_add(const T* u, ConstTile<T> X, T w, Tile<T> sum, Tile<T> work, T* record,
                                  T* scratch) const {
  evaluate(u, X, work, record, scratch);
  kernels::add_multiple<T>(w, work, sum);
}

template <class T>
void VectorField<T>::pull_back_add(const T* u, const T* record, ConstTile<T> Lambda, Tile<T> sum,
                                   Tile<T> work, T* ubar, T* scratch) const {
  pull_back(u, record, Lambda, work, ubar, scratch);
  kernels::add_multiple<T>(T(1), work, sum);
}

template <class T>
T ControlledSystem<T>::evaluate_add(T t, ConstTile<T> X, T w, Tile<T> sum, Tile<T> work, T* record) const {
  const T running = evaluate(t, X, work, record);
  kernels::add_multiple<T>(w, work, sum);
  return running;
}

template <class T>
void ControlledSystem<T>::pull_back_add(const T* record, ConstTile<T> Lambda, T mu, Tile<T> sum, Tile<T> work,
                                        T* ubar) const {
  pull_back(record, Lambda, mu, work, ubar);
  kernels::add_multiple<T>(T(1), work, sum);
}

}  // namespace turnpike
