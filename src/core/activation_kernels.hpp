#pragma once

#include "core/simd_math.hpp"
#include "turnpike/activation.hpp"

/// The activations on packs. Each gives a = σ(z) and σ′ from what a record keeps: from a alone where
/// that determines σ′, else from a second kept quantity (`keeps_derivative`).
namespace turnpike::kernels {

using simd::broadcast;
using simd::Pack;
using simd::select;

struct Tanh {
  static constexpr bool keeps_derivative = false;
  template <class T>
  TURNPIKE_INLINE static Pack<T> value(Pack<T> z, Pack<T>& /*derivative*/) {
    return simd::tanh<T>(z);
  }
  template <class T>
  TURNPIKE_INLINE static Pack<T> derivative(Pack<T> a) {
    return T(1) - a * a;
  }
};

struct Relu {
  static constexpr bool keeps_derivative = false;
  template <class T>
  TURNPIKE_INLINE static Pack<T> value(Pack<T> z, Pack<T>& /*derivative*/) {
    const Pack<T> zero = broadcast<T>(T(0));
    return select(z <= zero, zero, z);  // NaN stays NaN
  }
  template <class T>
  TURNPIKE_INLINE static Pack<T> derivative(Pack<T> a) {
    return select(a > broadcast<T>(T(0)), broadcast<T>(T(1)), broadcast<T>(T(0)));
  }
};

struct Identity {
  static constexpr bool keeps_derivative = false;
  template <class T>
  TURNPIKE_INLINE static Pack<T> value(Pack<T> z, Pack<T>& /*derivative*/) {
    return z;
  }
  template <class T>
  TURNPIKE_INLINE static Pack<T> derivative(Pack<T> /*a*/) {
    return broadcast<T>(T(1));
  }
};

struct Softsign {
  static constexpr bool keeps_derivative = false;
  template <class T>
  TURNPIKE_INLINE static Pack<T> value(Pack<T> z, Pack<T>& /*derivative*/) {
    return z / (T(1) + simd::abs<T>(z));
  }
  template <class T>
  TURNPIKE_INLINE static Pack<T> derivative(Pack<T> a) {
    const Pack<T> s = T(1) - simd::abs<T>(a);  // 1/(1 + |z|)
    return s * s;
  }
};

struct LeakyRelu {
  static constexpr bool keeps_derivative = false;
  template <class T>
  TURNPIKE_INLINE static Pack<T> value(Pack<T> z, Pack<T>& /*derivative*/) {
    return select(z > broadcast<T>(T(0)), z, z * T(leaky_slope));
  }
  template <class T>
  TURNPIKE_INLINE static Pack<T> derivative(Pack<T> a) {
    return select(a > broadcast<T>(T(0)), broadcast<T>(T(1)), broadcast<T>(T(leaky_slope)));
  }
};

struct Elu {
  static constexpr bool keeps_derivative = false;
  template <class T>
  TURNPIKE_INLINE static Pack<T> value(Pack<T> z, Pack<T>& /*derivative*/) {
    // eᶻ − 1 = 2t / (1 − t), t = tanh(z/2): no cancellation near 0.
    const Pack<T> zero = broadcast<T>(T(0));
    const Pack<T> t = simd::tanh<T>(select(z > zero, zero, z) * T(0.5));
    return select(z > zero, z, (t + t) / (T(1) - t));
  }
  template <class T>
  TURNPIKE_INLINE static Pack<T> derivative(Pack<T> a) {
    return select(a > broadcast<T>(T(0)), broadcast<T>(T(1)), a + T(1));
  }
};

struct Gelu {
  static constexpr bool keeps_derivative = true;
  template <class T>
  TURNPIKE_INLINE static Pack<T> value(Pack<T> z, Pack<T>& derivative) {
    const Pack<T> Phi = (simd::erf<T>(z * T(0.70710678118654752440)) + T(1)) * T(0.5);
    const Pack<T> phi = simd::exp<T>(z * z * T(-0.5)) * T(0.39894228040143267794);
    derivative = Phi + z * phi;
    return z * Phi;
  }
};

struct Silu {
  static constexpr bool keeps_derivative = true;
  template <class T>
  TURNPIKE_INLINE static Pack<T> value(Pack<T> z, Pack<T>& derivative) {
    const Pack<T> s = (simd::tanh<T>(z * T(0.5)) + T(1)) * T(0.5);  // 1/(1 + e⁻ᶻ)
    derivative = s + z * s * (T(1) - s);
    return z * s;
  }
};

/// Calls body(kernel) with the kernel type of `activation`.
template <class Body>
decltype(auto) dispatch(Activation activation, Body&& body) {
  switch (activation) {
    case Activation::tanh:
      return body(Tanh{});
    case Activation::relu:
      return body(Relu{});
    case Activation::identity:
      return body(Identity{});
    case Activation::softsign:
      return body(Softsign{});
    case Activation::leaky_relu:
      return body(LeakyRelu{});
    case Activation::elu:
      return body(Elu{});
    case Activation::gelu:
      return body(Gelu{});
    case Activation::silu:
      break;
  }
  return body(Silu{});
}

/// Whether a record keeps σ′ beside a for this activation.
inline bool keeps_derivative(Activation activation) {
  return activation == Activation::gelu || activation == Activation::silu;
}

/// In place Z ↦ σ(Z); where the activation keeps its derivative, `derivative` (same shape) receives σ′(Z).
template <class T>
void activate(Activation activation, Tile<T> Z, T* derivative) {
  dispatch(activation, [&](auto kernel) {
    using Kernel = decltype(kernel);
    for (Index i = 0; i < Z.rows; ++i) {
      T* z = Z.row(i);
      T* s = derivative + i * Z.columns;
      simd::for_each_pack<T>(Z.columns, [&](Index d, auto access) {
        Pack<T> slope{};
        const Pack<T> a = Kernel::template value<T>(access.template load<T>(z + d), slope);
        access.template store<T>(z + d, a);
        if constexpr (Kernel::keeps_derivative) {
          access.template store<T>(s + d, slope);
        }
      });
    }
  });
}

/// Out = σ′ ∘ In, with σ′ from the record's values a (rows×columns, contiguous) or kept derivatives.
template <class T>
void multiply_by_derivative(Activation activation, const T* a, const T* derivative, ConstTile<T> in,
                            Tile<T> out) {
  dispatch(activation, [&](auto kernel) {
    using Kernel = decltype(kernel);
    for (Index i = 0; i < in.rows; ++i) {
      simd::for_each_pack<T>(in.columns, [&](Index d, auto access) {
        Pack<T> slope;
        if constexpr (Kernel::keeps_derivative) {
          slope = access.template load<T>(derivative + i * in.columns + d);
        } else {
          slope = Kernel::template derivative<T>(access.template load<T>(a + i * in.columns + d));
        }
        access.template store<T>(out.row(i) + d, slope * access.template load<T>(in.row(i) + d));
      });
    }
  });
}

}  // namespace turnpike::kernels
