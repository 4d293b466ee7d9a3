#pragma once

#include <algorithm>
#include <utility>

#include "core/activation_kernels.hpp"
#include "core/affine.hpp"
#include "turnpike/field.hpp"

namespace turnpike {

/// F(X, u) = σ(A X + b 1ᵀ). A record holds X, a = σ(Z) and, where a does not determine it, σ′(Z).
template <class T>
class SingleLayerField final : public VectorField<T> {
 public:
  SingleLayerField(Index n, Activation activation, kernels::Products products = kernels::Products::full)
      : n_(n),
        activation_(activation),
        products_(products),
        layout_({{.name = "A", .rows = n, .columns = n},
                 {.name = "b", .rows = n, .columns = 1, .vector = true}}) {}

  [[nodiscard]] Index state_dimension() const override { return n_; }
  [[nodiscard]] const ControlLayout& layout() const override { return layout_; }
  [[nodiscard]] Index record_size(Index columns) const override {
    return (kernels::keeps_derivative(activation_) ? 3 : 2) * n_ * columns;
  }
  [[nodiscard]] Index scratch_size(Index columns) const override { return n_ * columns; }
  [[nodiscard]] std::optional<FieldForm> form() const override {
    return FieldForm{.hidden = std::nullopt, .output = activation_};
  }

  void evaluate(const T* u, ConstTile<T> X, Tile<T> Xdot, T* record, T* /*scratch*/) const override {
    const Parts parts = split(record, X.columns);
    copy(X, parts.X);
    kernels::affine<T>(A(u), b(u), X, parts.a, products_);         // Z = A X + b 1ᵀ
    kernels::activate<T>(activation_, parts.a, parts.derivative);  // a = σ(Z)
    copy(parts.a, Xdot);
  }

  void pull_back(const T* u, const T* record, ConstTile<T> Lambda, Tile<T> Xbar, T* ubar,
                 T* scratch) const override {
    const Parts parts = split(const_cast<T*>(record), Lambda.columns);  // NOLINT: only read below
    const Tile<T> Delta{scratch, n_, Lambda.columns, Lambda.columns};
    kernels::multiply_by_derivative<T>(activation_, parts.a.data, parts.derivative, Lambda, Delta);
    if (Xbar.data != nullptr) {
      kernels::affine_pull_back_state<T>(A(u), Delta, Xbar, products_);  // X̄ = Aᵀ Δ
    }
    if (ubar != nullptr) {
      kernels::affine_pull_back_control<T>(parts.X, Delta, ubar, ubar + n_ * n_, products_);  // Ā += Δ Xᵀ
    }
  }

  void apply(const T* u, const T* record, ConstTile<T> V, Tile<T> JV, T* /*scratch*/) const override {
    const Parts parts = split(const_cast<T*>(record), V.columns);  // NOLINT: only read below
    kernels::affine<T>(A(u), nullptr, V, JV, products_);
    kernels::multiply_by_derivative<T>(activation_, parts.a.data, parts.derivative, JV, JV);
  }

 private:
  struct Parts {
    Tile<T> X;
    Tile<T> a;
    T* derivative;
  };
  [[nodiscard]] Parts split(T* record, Index columns) const {
    const Index size = n_ * columns;
    return {{record, n_, columns, columns}, {record + size, n_, columns, columns}, record + 2 * size};
  }
  static void copy(ConstTile<T> from, Tile<T> to) {
    for (Index i = 0; i < from.rows; ++i) {
      std::copy_n(from.row(i), from.columns, to.row(i));
    }
  }
  [[nodiscard]] const T* A(const T* u) const { return u; }
  [[nodiscard]] const T* b(const T* u) const { return u + n_ * n_; }

  Index n_;
  Activation activation_;
  kernels::Products products_;
  ControlLayout layout_;
};

}  // namespace turnpike
