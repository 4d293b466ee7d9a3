#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "turnpike/activation.hpp"
#include "turnpike/control.hpp"
#include "turnpike/ensemble.hpp"

namespace turnpike {

/// What a field's matrix products do to their factors.
enum class ProductPrecision {
  full,  ///< nothing
  /// Each factor is rounded to bfloat16 (8 significant bits, to nearest, ties to even), products are summed
  /// in float, and so is everything else kept. For float fields with n > 4, whose products are those of
  /// matrices.
  bf16,
};

/// The form of a field whose layers are known: equation (26), or (2) where there is no hidden layer.
struct FieldForm {
  std::optional<Activation> hidden;  ///< σ₁ of the two-layer field; none for the single-layer field
  Activation output = Activation::identity;  ///< σ₂ of the two-layer field, σ of the single-layer field
  ProductPrecision products = ProductPrecision::full;
};

/// A controlled vector field Ẋ = F(X, u) that acts on every sample (column) by itself and satisfies
/// F(X, 0) = 0.
///
/// `evaluate` leaves in `record` what the derivatives at (X, u) need, so that nothing is evaluated
/// twice. Records and scratch are plain memory of the sizes that the field asks for; the caller takes
/// them at set-up. No function here allocates, but for what a product in bf16 takes at the first call of its
/// shape on a thread. All pointers are to entries of T without further
/// alignment. Tiles of one call have equally many columns.
template <class T>
class VectorField {
 public:
  VectorField() = default;
  VectorField(const VectorField&) = delete;
  VectorField& operator=(const VectorField&) = delete;
  virtual ~VectorField() = default;

  [[nodiscard]] virtual Index state_dimension() const = 0;  ///< n
  [[nodiscard]] virtual const ControlLayout& layout() const = 0;
  /// Entries of T that a record of `columns` samples takes.
  [[nodiscard]] virtual Index record_size(Index columns) const = 0;
  /// Entries of T of scratch that any call on `columns` samples may overwrite.
  [[nodiscard]] virtual Index scratch_size(Index columns) const = 0;

  /// Ẋ = F(X, u): overwrites Xdot (n×D) and record. X and Xdot do not overlap.
  virtual void evaluate(const T* u, ConstTile<T> X, Tile<T> Xdot, T* record, T* scratch) const = 0;

  /// The adjoint of the linearization at the record's point: X̄ = F_Xᵀ Λ overwrites Xbar (n×D), and
  /// ū += F_uᵀ Λ accumulates into ubar (n_u entries). Either may be null (Xbar.data == nullptr).
  /// Λ and X̄ do not overlap.
  virtual void pull_back(const T* u, const T* record, ConstTile<T> Lambda, Tile<T> Xbar, T* ubar,
                         T* scratch) const = 0;

  /// JV = F_X V at the record's point; overwrites JV (n×D).
  virtual void apply(const T* u, const T* record, ConstTile<T> V, Tile<T> JV, T* scratch) const = 0;

  // A field whose last operation can add to what stands there, as a matrix product can, saves passes over the
  // states by overriding the following two. `work` (n×D) is overwritten and overlaps no other argument.

  /// sum (n×D) += w F(X, u), where X is `sum` or does not overlap it; overwrites record as `evaluate` does.
  virtual void evaluate_add(const T* u, ConstTile<T> X, T w, Tile<T> sum, Tile<T> work, T* record,
                            T* scratch) const;
  /// sum (n×D) += F_Xᵀ Λ, where Λ is `sum` or does not overlap it, and ū += F_uᵀ Λ. Neither is null.
  virtual void pull_back_add(const T* u, const T* record, ConstTile<T> Lambda, Tile<T> sum, Tile<T> work,
                             T* ubar, T* scratch) const;

  /// The form of the field; nothing for a field of another form. Who overrides it vouches that F is that of
  /// equation (26) or (2) with these activations; that the control has the blocks A1 (h×n), b1 (h), A2 (n×h)
  /// and b2 (n), or A (n×n) and b (n), in this order; and that F is computed in T with activations within 16
  /// spacings of T of the exact ones and with sums of the products in any order, x + F(x, u) being one such
  /// sum in `evaluate_add`. The bound of the change rests on all of it.
  [[nodiscard]] virtual std::optional<FieldForm> form() const { return std::nullopt; }
};

/// The form of `field`. Throws InputError for a field of another form, of which `purpose`, the beginning of a
/// sentence, cannot be had, and for one whose control has other blocks than its form.
template <class T>
FieldForm demand_form(const VectorField<T>& field, std::string_view purpose);

/// How bf16 products are computed here.
enum class Bf16Support {
  native,    ///< by the processor's instructions
  emulated,  ///< in float after rounding, no faster: TURNPIKE_BF16=emulate is set in the environment
  none,      ///< not at all
};
Bf16Support bf16_support();

// The following throw InputError for dimensions below 1, and for bf16 with T = double, with n ≤ 4, or where
// bf16_support() is none.

/// F(X, u) = σ(A X + b 1ᵀ), u = (A, b) ∈ R^{n²+n}: equations (2) and (21).
template <class T>
std::unique_ptr<VectorField<T>> make_single_layer_field(Index n, Activation activation,
                                                        ProductPrecision products = ProductPrecision::full);

/// F(X, u) = σ₂(A₂ σ₁(A₁ X + b₁ 1ᵀ) + b₂ 1ᵀ), u = (A1, b1, A2, b2), A₁ ∈ R^{h×n}, A₂ ∈ R^{n×h}:
/// equation (26).
template <class T>
std::unique_ptr<VectorField<T>> make_two_layer_field(Index n, Index h, Activation inner,
                                                     Activation outer = Activation::identity,
                                                     ProductPrecision products = ProductPrecision::full);

}  // namespace turnpike
