#pragma once

#include <algorithm>
#include <cassert>
#include <optional>
#include <type_traits>

#include "core/activation_kernels.hpp"
#include "core/added_results.hpp"
#include "core/arithmetic.hpp"
#include "core/two_layer_kernels.hpp"
#include "turnpike/field.hpp"

namespace turnpike {

/// F(X, u) = σ₂(A₂ σ₁(A₁ X + b₁ 1ᵀ) + b₂ 1ᵀ).
///
/// A record holds what `Arithmetic` keeps of X, a = σ₁(Z₁) (h×D), σ₁′ where a does not determine it (h×D),
/// the operand of a, and, unless σ₂ is the identity, c = σ₂(Z₂) (n×D) and σ₂′ where c does not determine it
/// (n×D).
template <class T, class Arithmetic = kernels::ExactArithmetic<T>>
class TwoLayerField final : public VectorField<T> {
 public:
  /// `fused` = false takes the general path for small n too; the results agree to rounding.
  TwoLayerField(Index n, Index h, Activation inner, Activation outer, bool fused = true,
                Arithmetic arithmetic = Arithmetic())
      : n_(n),
        h_(h),
        inner_(inner),
        outer_(outer),
        fused_(fused && is_exact && n <= kernels::largest_small_dimension),
        arithmetic_(arithmetic),
        layout_({{.name = "A1", .rows = h, .columns = n},
                 {.name = "b1", .rows = h, .columns = 1, .vector = true},
                 {.name = "A2", .rows = n, .columns = h},
                 {.name = "b2", .rows = n, .columns = 1, .vector = true}}) {}

  [[nodiscard]] Index state_dimension() const override { return n_; }
  [[nodiscard]] const ControlLayout& layout() const override { return layout_; }
  [[nodiscard]] Index record_size(Index columns) const override {
    return Arithmetic::kept_size(n_ * columns) + hidden_rows() * columns +
           Arithmetic::operand_size(h_ * columns) + outer_rows() * columns;
  }
  [[nodiscard]] Index scratch_size(Index columns) const override {
    return (h_ + n_) * columns + Arithmetic::operand_size(h_ * columns) +
           Arithmetic::operand_size(n_ * columns) + Arithmetic::work_size(n_ * h_);
  }
  [[nodiscard]] std::optional<FieldForm> form() const override {
    return FieldForm{.hidden = inner_, .output = outer_, .products = Arithmetic::precision};
  }

  void evaluate(const T* u, ConstTile<T> X, Tile<T> Xdot, T* record, T* scratch) const override {
    const Record kept = split(record, X.columns);
    const Index columns = X.columns;
    const kernels::TwoLayerControl<T> control = parts_of(u);
    if (fused_) {
      if constexpr (is_exact) {
        kernels::dispatch(inner_, [&](auto kernel) {
          kernels::dispatch_small_dimension(n_, [&](auto n) {
            kernels::fused_evaluate<n(), decltype(kernel), T>(control, h_, X, Xdot, kept.inner);
          });
        });
      }
    } else {
      evaluate_layers(control, X, Xdot, kernels::Into::overwrite, kept, scratch);
    }
    if (outer_ != Activation::identity) {
      kernels::activate<T>(outer_, Xdot, kept.outer_derivative);  // Ẋ = σ₂(Z₂)
      for (Index i = 0; i < n_; ++i) {
        std::copy_n(Xdot.row(i), columns, kept.outer + i * columns);
      }
    }
  }

  void pull_back(const T* u, const T* record, ConstTile<T> Lambda, Tile<T> Xbar, T* ubar,
                 T* scratch) const override {
    pull_back_to(u, record, Lambda, Xbar, kernels::Into::overwrite, ubar, scratch);
  }

  void evaluate_add(const T* u, ConstTile<T> X, T w, Tile<T> sum, Tile<T> work, T* record,
                    T* scratch) const override {
    // With w = 1 the product adds to `sum` as it is.
    if (fused_ || w != T(1) || outer_ != Activation::identity) {
      return VectorField<T>::evaluate_add(u, X, w, sum, work, record, scratch);
    }
    evaluate_layers(parts_of(u), X, sum, kernels::Into::add, split(record, X.columns), scratch);
  }

  void pull_back_add(const T* u, const T* record, ConstTile<T> Lambda, Tile<T> sum, Tile<T> work, T* ubar,
                     T* scratch) const override {
    if (fused_) {
      return VectorField<T>::pull_back_add(u, record, Lambda, sum, work, ubar, scratch);
    }
    pull_back_to(u, record, Lambda, sum, kernels::Into::add, ubar, scratch);
  }

  void apply(const T* u, const T* record, ConstTile<T> V, Tile<T> JV, T* scratch) const override {
    const Record kept = split(const_cast<T*>(record), V.columns);  // NOLINT: only read below
    const Scratch work = split_scratch(scratch, V.columns);
    const kernels::TwoLayerControl<T> control = parts_of(u);
    const Tile<T>& hidden = work.Delta1;
    arithmetic_.apply(control.A1, nullptr, arithmetic_.operand(V, work.operand2), hidden, work.product);
    kernels::multiply_by_derivative<T>(inner_, kept.inner.a, kept.inner.derivative, hidden, hidden);
    arithmetic_.apply(control.A2, nullptr, arithmetic_.operand(hidden, work.operand1), JV,
                      work.product);  // JV = A₂ (σ₁′ ∘ A₁V)
    if (outer_ != Activation::identity) {
      kernels::multiply_by_derivative<T>(outer_, kept.outer, kept.outer_derivative, JV, JV);
    }
  }

 private:
  static constexpr bool is_exact = std::is_same_v<Arithmetic, kernels::ExactArithmetic<T>>;

  struct Record {
    kernels::TwoLayerRecord<T> inner;
    T* operand;  // of a
    T* outer;
    T* outer_derivative;
  };
  struct Scratch {
    Tile<T> Delta1;
    Tile<T> Delta2;
    T* operand1;
    T* operand2;
    T* product;
  };
  [[nodiscard]] Index hidden_rows() const { return kernels::keeps_derivative(inner_) ? 2 * h_ : h_; }
  [[nodiscard]] Index outer_rows() const {
    if (outer_ == Activation::identity) {
      return 0;
    }
    return kernels::keeps_derivative(outer_) ? 2 * n_ : n_;
  }
  [[nodiscard]] Record split(T* record, Index columns) const {
    T* const a = record + Arithmetic::kept_size(n_ * columns);
    T* const operand = a + hidden_rows() * columns;
    T* const outer = operand + Arithmetic::operand_size(h_ * columns);
    return {{record, a, a + h_ * columns}, operand, outer, outer + n_ * columns};
  }
  [[nodiscard]] Scratch split_scratch(T* scratch, Index columns) const {
    T* const Delta2 = scratch + h_ * columns;
    T* const operand1 = Delta2 + n_ * columns;
    T* const operand2 = operand1 + Arithmetic::operand_size(h_ * columns);
    return {{scratch, h_, columns, columns},
            {Delta2, n_, columns, columns},
            operand1,
            operand2,
            operand2 + Arithmetic::operand_size(n_ * columns)};
  }
  [[nodiscard]] kernels::TwoLayerControl<T> parts_of(const T* u) const {
    const T* const b1 = u + h_ * n_;
    const T* const A2 = b1 + h_;
    return {u, b1, A2, A2 + n_ * h_};
  }

  /// Xdot = Z₂, or Xdot += Z₂, which is not for fused fields.
  void evaluate_layers(const kernels::TwoLayerControl<T>& control, ConstTile<T> X, Tile<T> Xdot,
                       kernels::Into into, const Record& kept, T* scratch) const {
    const Scratch work = split_scratch(scratch, X.columns);
    const Tile<T> a{kept.inner.a, h_, X.columns, X.columns};
    arithmetic_.apply(control.A1, control.b1, arithmetic_.keep(X, kept.inner.X), a,
                      work.product);                         // Z₁ = A₁ X + b₁ 1ᵀ
    kernels::activate<T>(inner_, a, kept.inner.derivative);  // a = σ₁(Z₁)
    arithmetic_.apply(control.A2, control.b2, arithmetic_.operand(a, kept.operand), Xdot, work.product,
                      into);  // Z₂ = A₂ a + b₂ 1ᵀ
  }

  /// X̄ = F_Xᵀ Λ, or X̄ += F_Xᵀ Λ, which is not for fused fields; ū += F_uᵀ Λ.
  void pull_back_to(const T* u, const T* record, ConstTile<T> Lambda, Tile<T> Xbar, kernels::Into into,
                    T* ubar, T* scratch) const {
    assert(!fused_ || into == kernels::Into::overwrite);
    const Record kept = split(const_cast<T*>(record), Lambda.columns);  // NOLINT: only read below
    const Index columns = Lambda.columns;
    const Scratch work = split_scratch(scratch, columns);
    const kernels::TwoLayerControl<T> control = parts_of(u);
    ConstTile<T> Delta2 = Lambda;
    if (outer_ != Activation::identity) {
      kernels::multiply_by_derivative<T>(outer_, kept.outer, kept.outer_derivative, Lambda, work.Delta2);
      Delta2 = work.Delta2;  // Δ₂ = σ₂′ ∘ Λ
    }
    const Index b1 = h_ * n_;  // where the blocks of ū begin
    const Index A2 = b1 + h_;
    const Index b2 = A2 + n_ * h_;
    if (fused_ && Xbar.data != nullptr && ubar != nullptr) {
      if constexpr (is_exact) {
        kernels::dispatch(inner_, [&](auto kernel) {
          kernels::dispatch_small_dimension(n_, [&](auto n) {
            kernels::fused_pull_back<n(), decltype(kernel), T>(control, h_, Delta2, kept.inner, Xbar, ubar,
                                                               ubar + b1, ubar + A2);
          });
        });
      }
      kernels::accumulate_row_sums<T>(Delta2, ubar + b2);
      return;
    }
    const auto operand2 = arithmetic_.operand(Delta2, work.operand2);
    arithmetic_.pull_back_state(control.A2, operand2, work.Delta1, work.product);
    kernels::multiply_by_derivative<T>(inner_, kept.inner.a, kept.inner.derivative, work.Delta1,
                                       work.Delta1);  // Δ₁ = σ₁′ ∘ A₂ᵀΔ₂
    const auto operand1 = arithmetic_.operand(work.Delta1, work.operand1);
    if (ubar != nullptr) {
      const auto X = arithmetic_.kept(kept.inner.X, n_, columns);
      const auto a = arithmetic_.same_operand({kept.inner.a, h_, columns, columns}, kept.operand);
      arithmetic_.pull_back_weights(X, operand1, ubar);         // Ā₁ += Δ₁Xᵀ
      kernels::accumulate_row_sums<T>(work.Delta1, ubar + b1);  // b̄₁ += Δ₁1
      arithmetic_.pull_back_weights(a, operand2, ubar + A2);    // Ā₂ += Δ₂aᵀ
      kernels::accumulate_row_sums<T>(Delta2, ubar + b2);       // b̄₂ += Δ₂1
    }
    if (Xbar.data != nullptr) {  // last, because Δ₂ may be Λ, and Λ may be X̄
      arithmetic_.pull_back_state(control.A1, operand1, Xbar, work.product, into);  // X̄ = A₁ᵀΔ₁
    }
  }

  Index n_;
  Index h_;
  Activation inner_;
  Activation outer_;
  bool fused_;
  Arithmetic arithmetic_;
  ControlLayout layout_;
};

}  // namespace turnpike
