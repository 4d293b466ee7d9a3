#pragma once

#include <algorithm>

#include "core/affine.hpp"
#include "core/bf16.hpp"
#include "core/matrix_product.hpp"
#include "turnpike/field.hpp"

/// How a field's layers Z = A X + b 1ᵀ are computed: what products take of states, what a record keeps of
/// them, and Z and its adjoint. A is m×n, X n×D, Δ = ∂/∂Z m×D; an operand is what a product takes of a state.
namespace turnpike::kernels {

/// In T throughout.
template <class T>
class ExactArithmetic {
 public:
  static constexpr ProductPrecision precision = ProductPrecision::full;
  using Operand = ConstTile<T>;

  /// How many entries of T `operand` needs of memory for a state of so many entries.
  [[nodiscard]] static constexpr Index operand_size(Index /*entries*/) { return 0; }
  /// The same for `keep`.
  [[nodiscard]] static constexpr Index kept_size(Index entries) { return entries; }
  /// The same for the `work` of products with a matrix A of so many entries.
  [[nodiscard]] static constexpr Index work_size(Index /*entries*/) { return 0; }

  [[nodiscard]] static Operand operand(ConstTile<T> X, T* /*memory*/) { return X; }
  /// What operand(X, memory) returned, once more, while neither has changed.
  [[nodiscard]] static Operand same_operand(ConstTile<T> X, const T* /*memory*/) { return X; }
  /// The operand of X, which is kept in `memory` beyond the life of X.
  [[nodiscard]] static Operand keep(ConstTile<T> X, T* memory) {
    for (Index i = 0; i < X.rows; ++i) {
      std::copy_n(X.row(i), X.columns, memory + i * X.columns);
    }
    return X;
  }
  /// What `keep` has kept there.
  [[nodiscard]] static Operand kept(const T* memory, Index rows, Index columns) {
    return {memory, rows, columns, columns};
  }

  /// Z = A X + b 1ᵀ, or Z += A X + b 1ᵀ; b may be null.
  static void apply(const T* A, const T* b, Operand X, Tile<T> Z, T* /*work*/, Into into = Into::overwrite) {
    affine<T>(A, b, X, Z, into);
  }
  /// X̄ = Aᵀ Δ, or X̄ += Aᵀ Δ.
  static void pull_back_state(const T* A, Operand Delta, Tile<T> Xbar, T* /*work*/,
                              Into into = Into::overwrite) {
    affine_pull_back_state<T>(A, Delta, Xbar, into);
  }
  /// Ā += Δ Xᵀ.
  static void pull_back_weights(Operand X, Operand Delta, T* Abar) {
    affine_pull_back_weights<T>(X, Delta, Abar);
  }
};

/// With both factors of every product rounded to bfloat16 and sums in float. Each state is rounded once.
class Bf16Arithmetic {
 public:
  static constexpr ProductPrecision precision = ProductPrecision::bf16;
  using Operand = ConstTile<Bf16>;

  explicit Bf16Arithmetic(Bf16Products products) : products_(products) {}

  [[nodiscard]] static constexpr Index operand_size(Index entries) { return floats_for_bf16(entries); }
  [[nodiscard]] static constexpr Index kept_size(Index entries) { return floats_for_bf16(entries); }
  [[nodiscard]] static constexpr Index work_size(Index entries) { return floats_for_bf16(entries); }

  [[nodiscard]] static Operand operand(ConstTile<float> X, float* memory) {
    return round_to_bf16(X, bf16_in(memory));
  }
  [[nodiscard]] static Operand same_operand(ConstTile<float> X, const float* memory) {
    return kept(memory, X.rows, X.columns);
  }
  [[nodiscard]] static Operand keep(ConstTile<float> X, float* memory) { return operand(X, memory); }
  [[nodiscard]] static Operand kept(const float* memory, Index rows, Index columns) {
    return {bf16_in(memory), rows, columns, columns};
  }

  void apply(const float* A, const float* b, Operand X, Tile<float> Z, float* work,
             Into into = Into::overwrite) const {
    multiply({round_to_bf16({A, Z.rows, X.rows, X.rows}, bf16_in(work))}, {X}, Z, into, products_);
    if (b != nullptr) {
      add_to_rows(b, Z);
    }
  }
  void pull_back_state(const float* A, Operand Delta, Tile<float> Xbar, float* work,
                       Into into = Into::overwrite) const {
    multiply({round_to_bf16({A, Delta.rows, Xbar.rows, Xbar.rows}, bf16_in(work)), true}, {Delta}, Xbar, into,
             products_);
  }
  void pull_back_weights(Operand X, Operand Delta, float* Abar) const {
    multiply({Delta}, {X, true}, {Abar, Delta.rows, X.rows, X.rows}, Into::add, products_);
  }

 private:
  Bf16Products products_;
};

}  // namespace turnpike::kernels
