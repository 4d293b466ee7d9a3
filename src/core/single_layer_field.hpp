#pragma once

#include <algorithm>
#include <optional>

#include "core/activation_kernels.hpp"
#include "core/added_results.hpp"
#include "core/arithmetic.hpp"
#include "turnpike/field.hpp"

namespace turnpike {

/// F(X, u) = σ(A X + b 1ᵀ). A record holds what `Arithmetic` keeps of X, then a = σ(Z) and, where a does not
/// determine it, σ′(Z).
template <class T, class Arithmetic = kernels::ExactArithmetic<T>>
class SingleLayerField final : public VectorField<T> {
 public:
  SingleLayerField(Index n, Activation activation, Arithmetic arithmetic = Arithmetic())
      : n_(n),
        activation_(activation),
        arithmetic_(arithmetic),
        layout_({{.name = "A", .rows = n, .columns = n},
                 {.name = "b", .rows = n, .columns = 1, .vector = true}}) {}

  [[nodiscard]] Index state_dimension() const override { return n_; }
  [[nodiscard]] const ControlLayout& layout() const override { return layout_; }
  [[nodiscard]] Index record_size(Index columns) const override {
    const Index size = n_ * columns;
    return Arithmetic::kept_size(size) + (kernels::keeps_derivative(activation_) ? 2 : 1) * size;
  }
  [[nodiscard]] Index scratch_size(Index columns) const override {
    const Index size = n_ * columns;
    return size + Arithmetic::operand_size(size) + Arithmetic::work_size(n_ * n_);
  }
  [[nodiscard]] std::optional<FieldForm> form() const override {
    return FieldForm{.hidden = std::nullopt, .output = activation_, .products = Arithmetic::precision};
  }

  void evaluate(const T* u, ConstTile<T> X, Tile<T> Xdot, T* record, T* scratch) const override {
    const Record kept = split(record, X.columns);
    const Scratch work = split_scratch(scratch, X.columns);
    arithmetic_.apply(A(u), b(u), arithmetic_.keep(X, kept.X), kept.a, work.product);  // Z = A X + b 1ᵀ
    kernels::activate<T>(activation_, kept.a, kept.derivative);                        // a = σ(Z)
    for (Index i = 0; i < n_; ++i) {
      std::copy_n(kept.a.row(i), X.columns, Xdot.row(i));
    }
  }

  void pull_back(const T* u, const T* record, ConstTile<T> Lambda, Tile<T> Xbar, T* ubar,
                 T* scratch) const override {
    pull_back_to(u, record, Lambda, Xbar, kernels::Into::overwrite, ubar, scratch);
  }

  void pull_back_add(const T* u, const T* record, ConstTile<T> Lambda, Tile<T> sum, Tile<T> /*work*/, T* ubar,
                     T* scratch) const override {
    pull_back_to(u, record, Lambda, sum, kernels::Into::add, ubar, scratch);
  }

  void apply(const T* u, const T* record, ConstTile<T> V, Tile<T> JV, T* scratch) const override {
    const Record kept = split(const_cast<T*>(record), V.columns);  // NOLINT: only read below
    const Scratch work = split_scratch(scratch, V.columns);
    arithmetic_.apply(A(u), nullptr, arithmetic_.operand(V, work.operand), JV, work.product);
    kernels::multiply_by_derivative<T>(activation_, kept.a.data, kept.derivative, JV, JV);
  }

 private:
  struct Record {
    T* X;
    Tile<T> a;
    T* derivative;
  };
  struct Scratch {
    Tile<T> Delta;
    T* operand;
    T* product;
  };
  [[nodiscard]] Record split(T* record, Index columns) const {
    const Index size = n_ * columns;
    T* const a = record + Arithmetic::kept_size(size);
    return {record, {a, n_, columns, columns}, a + size};
  }
  [[nodiscard]] Scratch split_scratch(T* scratch, Index columns) const {
    const Index size = n_ * columns;
    T* const operand = scratch + size;
    return {{scratch, n_, columns, columns}, operand, operand + Arithmetic::operand_size(size)};
  }
  [[nodiscard]] const T* A(const T* u) const { return u; }
  [[nodiscard]] const T* b(const T* u) const { return u + n_ * n_; }

  /// X̄ = F_Xᵀ Λ, or X̄ += F_Xᵀ Λ; ū += F_uᵀ Λ.
  void pull_back_to(const T* u, const T* record, ConstTile<T> Lambda, Tile<T> Xbar, kernels::Into into,
                    T* ubar, T* scratch) const {
    const Index columns = Lambda.columns;
    const Record kept = split(const_cast<T*>(record), columns);  // NOLINT: only read below
    const Scratch work = split_scratch(scratch, columns);
    kernels::multiply_by_derivative<T>(activation_, kept.a.data, kept.derivative, Lambda, work.Delta);
    const auto Delta = arithmetic_.operand(work.Delta, work.operand);  // Δ = σ′ ∘ Λ
    if (ubar != nullptr) {
      arithmetic_.pull_back_weights(arithmetic_.kept(kept.X, n_, columns), Delta, ubar);  // Ā += Δ Xᵀ
      kernels::accumulate_row_sums<T>(work.Delta, ubar + n_ * n_);                        // b̄ += Δ 1
    }
    if (Xbar.data != nullptr) {
      arithmetic_.pull_back_state(A(u), Delta, Xbar, work.product, into);  // X̄ = Aᵀ Δ
    }
  }

  Index n_;
  Activation activation_;
  Arithmetic arithmetic_;
  ControlLayout layout_;
};

}  // namespace turnpike
