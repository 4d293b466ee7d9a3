#pragma once

#include <memory>
#include <span>
#include <vector>

#include "turnpike/ensemble.hpp"

namespace turnpike {

/// A cost of the ensemble's state, a sum over samples: the running cost ℓ of (5a)/(20a) without
/// r‖u‖², or the terminal cost ℓ_f. Labels enter through a tile of targets that is made once: label
/// probabilities for the cross-entropies, target points for the quadratic cost.
///
/// A user's running cost may depend on u as well; then it overrides `depends_on_control` and
/// `add_control_gradient`.
template <class T>
class Cost {
 public:
  Cost() = default;
  Cost(const Cost&) = delete;
  Cost& operator=(const Cost&) = delete;
  virtual ~Cost() = default;

  /// Rows of the target tile and of the gradient that `evaluate` writes: one a loss component.
  [[nodiscard]] virtual Index rows() const = 0;
  /// Row i of the gradient belongs to component components()[i] of the state. `rows()` entries.
  [[nodiscard]] virtual std::span<const Index> components() const = 0;
  /// Overwrites `targets` (rows()×D) with what the D class indices stand for.
  virtual void make_targets(std::span<const int> labels, Tile<T> targets) const = 0;

  /// Returns scale · Σ_d ℓ(x_d, u) over the tile's columns; overwrites `gradient` (rows()×D) with
  /// scale · ∂ℓ/∂x on the loss components unless gradient.data is null. X is n×D.
  virtual T evaluate(const T* u, ConstTile<T> X, ConstTile<T> targets, T scale, Tile<T> gradient) const = 0;

  /// Whether ∂ℓ/∂u is not zero.
  [[nodiscard]] virtual bool depends_on_control() const { return false; }

  /// ū += mu · scale · Σ_d ∂ℓ/∂u. Called only when `depends_on_control`.
  virtual void add_control_gradient(const T* /*u*/, ConstTile<T> /*X*/, ConstTile<T> /*targets*/, T /*scale*/,
                                    T /*mu*/, T* /*ubar*/) const {}

  /// X̄ += mu · gradient, row by row at the loss components.
  void add_state_gradient(ConstTile<T> gradient, T mu, Tile<T> Xbar) const;
};

/// −log p_y, p the softmax of the loss components: equation (7).
template <class T>
std::unique_ptr<Cost<T>> make_cross_entropy(std::vector<Index> components);

/// −Σ q̃_i log p_i + Σ q̃_i log q̃_i ≥ 0 with q̃_y = p_d and (1 − p_d)/(C − 1) elsewhere: equations
/// (12), (13). Throws InputError unless 1/C < p_d < 1.
template <class T>
std::unique_ptr<Cost<T>> make_soft_cross_entropy(std::vector<Index> components, double p_d);

/// ‖x − x̄_y‖² on the loss components: Table 1, row 1. `class_targets` is (components)×C, one column a
/// class. Throws InputError when its rows do not match the components.
template <class T>
std::unique_ptr<Cost<T>> make_quadratic_cost(std::vector<Index> components,
                                             const State<double>& class_targets);

/// The first `count` components, 0 to count − 1 (Remark 4).
std::vector<Index> first_components(Index count);

/// Each sample's loss ℓ(x_d), D entries: what `cost.evaluate` sums, one column at a time.
template <class T>
std::vector<double> sample_losses(const Cost<T>& cost, ConstTile<T> X, std::span<const int> labels);

/// Each sample's class: the index of its largest loss component, the first of equal ones.
template <class T>
std::vector<int> predicted_classes(ConstTile<T> X, std::span<const Index> components);

}  // namespace turnpike
