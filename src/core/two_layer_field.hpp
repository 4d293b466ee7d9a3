#pragma once

#include <algorithm>

#include "core/activation_kernels.hpp"
#include "core/affine.hpp"
#include "core/two_layer_kernels.hpp"
#include "turnpike/field.hpp"

namespace turnpike {

/// F(X, u) = σ₂(A₂ σ₁(A₁ X + b₁ 1ᵀ) + b₂ 1ᵀ).
///
/// A record holds X (n×D), a = σ₁(Z₁) (h×D), σ₁′ where a does not determine it (h×D), and, unless σ₂ is
/// the identity, c = σ₂(Z₂) (n×D) and σ₂′ where c does not determine it (n×D).
template <class T>
class TwoLayerField final : public VectorField<T> {
 public:
  /// `fused` = false takes the general path for small n too; the results agree to rounding.
  TwoLayerField(Index n, Index h, Activation inner, Activation outer, bool fused = true,
                kernels::Products products = kernels::Products::full)
      : n_(n),
        h_(h),
        inner_(inner),
        outer_(outer),
        fused_(fused && n <= kernels::largest_small_dimension),
        products_(products),
        layout_({{.name = "A1", .rows = h, .columns = n},
                 {.name = "b1", .rows = h, .columns = 1, .vector = true},
                 {.name = "A2", .rows = n, .columns = h},
                 {.name = "b2", .rows = n, .columns = 1, .vector = true}}) {}

  [[nodiscard]] Index state_dimension() const override { return n_; }
  [[nodiscard]] const ControlLayout& layout() const override { return layout_; }
  [[nodiscard]] Index record_size(Index columns) const override {
    return (n_ + hidden_rows() + outer_rows()) * columns;
  }
  [[nodiscard]] Index scratch_size(Index columns) const override { return (h_ + n_) * columns; }
  [[nodiscard]] std::optional<FieldForm> form() const override {
    return FieldForm{.hidden = inner_, .output = outer_};
  }

  void evaluate(const T* u, ConstTile<T> X, Tile<T> Xdot, T* record, T* /*scratch*/) const override {
    const Parts parts = split(record, X.columns);
    const Index columns = X.columns;
    const kernels::TwoLayerControl<T> control = parts_of(u);
    if (fused_) {
      kernels::dispatch(inner_, [&](auto kernel) {
        kernels::dispatch_small_dimension(n_, [&](auto n) {
          kernels::fused_evaluate<n(), decltype(kernel), T>(control, h_, X, Xdot, parts.inner);
        });
      });
    } else {
      const Tile<T> a{parts.inner.a, h_, columns, columns};
      for (Index i = 0; i < n_; ++i) {
        std::copy_n(X.row(i), columns, parts.inner.X + i * columns);
      }
      kernels::affine<T>(control.A1, control.b1, X, a, products_);  // Z₁ = A₁ X + b₁ 1ᵀ
      kernels::activate<T>(inner_, a, parts.inner.derivative);      // a = σ₁(Z₁)
      kernels::affine<T>(control.A2, control.b2, ConstTile<T>(a), Xdot, products_);  // Z₂ = A₂ a + b₂ 1ᵀ
    }
    if (outer_ != Activation::identity) {
      kernels::activate<T>(outer_, Xdot, parts.outer_derivative);  // Ẋ = σ₂(Z₂)
      for (Index i = 0; i < n_; ++i) {
        std::copy_n(Xdot.row(i), columns, parts.outer + i * columns);
      }
    }
  }

  void pull_back(const T* u, const T* record, ConstTile<T> Lambda, Tile<T> Xbar, T* ubar,
                 T* scratch) const override {
    const Parts parts = split(const_cast<T*>(record), Lambda.columns);  // NOLINT: only read below
    const Index columns = Lambda.columns;
    const kernels::TwoLayerControl<T> control = parts_of(u);
    const Tile<T> Delta1{scratch, h_, columns, columns};
    ConstTile<T> Delta2 = Lambda;
    if (outer_ != Activation::identity) {
      const Tile<T> product{scratch + h_ * columns, n_, columns, columns};
      kernels::multiply_by_derivative<T>(outer_, parts.outer, parts.outer_derivative, Lambda, product);
      Delta2 = product;  // Δ₂ = σ₂′ ∘ Λ
    }
    T* const A1bar = ubar;
    T* const b1bar = ubar + h_ * n_;
    T* const A2bar = b1bar + h_;
    T* const b2bar = A2bar + n_ * h_;
    if (fused_ && Xbar.data != nullptr && ubar != nullptr) {
      kernels::dispatch(inner_, [&](auto kernel) {
        kernels::dispatch_small_dimension(n_, [&](auto n) {
          kernels::fused_pull_back<n(), decltype(kernel), T>(control, h_, Delta2, parts.inner, Xbar, A1bar,
                                                             b1bar, A2bar);
        });
      });
      kernels::accumulate_row_sums<T>(Delta2, b2bar);
      return;
    }
    kernels::affine_pull_back_state<T>(control.A2, Delta2, Delta1, products_);
    kernels::multiply_by_derivative<T>(inner_, parts.inner.a, parts.inner.derivative, Delta1,
                                       Delta1);  // Δ₁ = σ₁′ ∘ A₂ᵀΔ₂
    if (Xbar.data != nullptr) {
      kernels::affine_pull_back_state<T>(control.A1, Delta1, Xbar, products_);  // X̄ = A₁ᵀΔ₁
    }
    if (ubar != nullptr) {
      const ConstTile<T> X{parts.inner.X, n_, columns, columns};
      const ConstTile<T> a{parts.inner.a, h_, columns, columns};
      kernels::affine_pull_back_control<T>(X, Delta1, A1bar, b1bar, products_);  // Ā₁ += Δ₁Xᵀ
      kernels::affine_pull_back_control<T>(a, Delta2, A2bar, b2bar, products_);  // Ā₂ += Δ₂aᵀ
    }
  }

  void apply(const T* u, const T* record, ConstTile<T> V, Tile<T> JV, T* scratch) const override {
    const Parts parts = split(const_cast<T*>(record), V.columns);  // NOLINT: only read below
    const kernels::TwoLayerControl<T> control = parts_of(u);
    const Tile<T> hidden{scratch, h_, V.columns, V.columns};
    kernels::affine<T>(control.A1, nullptr, V, hidden, products_);
    kernels::multiply_by_derivative<T>(inner_, parts.inner.a, parts.inner.derivative, hidden, hidden);
    kernels::affine<T>(control.A2, nullptr, ConstTile<T>(hidden), JV, products_);  // JV = A₂ (σ₁′ ∘ A₁V)
    if (outer_ != Activation::identity) {
      kernels::multiply_by_derivative<T>(outer_, parts.outer, parts.outer_derivative, JV, JV);
    }
  }

 private:
  struct Parts {
    kernels::TwoLayerRecord<T> inner;
    T* outer;
    T* outer_derivative;
  };
  [[nodiscard]] Index hidden_rows() const { return kernels::keeps_derivative(inner_) ? 2 * h_ : h_; }
  [[nodiscard]] Index outer_rows() const {
    if (outer_ == Activation::identity) {
      return 0;
    }
    return kernels::keeps_derivative(outer_) ? 2 * n_ : n_;
  }
  [[nodiscard]] Parts split(T* record, Index columns) const {
    T* const a = record + n_ * columns;
    T* const outer = a + hidden_rows() * columns;
    return {{record, a, a + h_ * columns}, outer, outer + n_ * columns};
  }
  [[nodiscard]] kernels::TwoLayerControl<T> parts_of(const T* u) const {
    const T* const b1 = u + h_ * n_;
    const T* const A2 = b1 + h_;
    return {u, b1, A2, A2 + n_ * h_};
  }

  Index n_;
  Index h_;
  Activation inner_;
  Activation outer_;
  bool fused_;
  kernels::Products products_;
  ControlLayout layout_;
};

}  // namespace turnpike
