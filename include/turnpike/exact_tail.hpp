#pragma once

#include "turnpike/activation.hpp"
#include "turnpike/problem.hpp"
#include "turnpike/trainer.hpp"

/// Training with the exact tail: of K intervals the first M have a control, the others have u = 0 and hold
/// every state (ProblemDefinition::active_intervals). It starts with few and goes on with more where that
/// pays.
namespace turnpike {

/// What one more interval after the M active ones can give, to first order in a small control there. The
/// gradient at u = 0 does not tell: for the two-layer field it vanishes but for b₂.
///
/// Through all layers of the field together V falls by (rate − 2r) h s² for a control of size s in each
/// layer, with rate = max over unit (a, β) of ‖Σ_d λ_d σ₁(aᵀx_d + β)‖ (smooth σ₁: σ₁′(0) σ_max(Σ_d λ_d [x_d;
/// 1]ᵀ)), λ the costates at the end of the new interval. For the single-layer field and through b₂ alone it
/// falls by h ‖g‖²/(4r), g the gradient at u = 0.
struct TailTest {
  Index active = 0;          ///< M
  double rate = 0;           ///< 0 for the single-layer field; a lower bound for a kinked σ₁
  double r = 0;              ///< what `rate` has to exceed is 2r
  double gradient_gain = 0;  ///< h ‖g‖²/(4r); infinite for r = 0 and g ≠ 0
  double objective = 0;      ///< V
  /// ‖∇V‖ with respect to the active intervals: with `rate` and `gradient_gain` the optimality residual of
  /// the problem of all K intervals.
  double gradient_norm = 0;

  /// Whether another interval promises a lower V: rate > 2r, or a gain of more than 1e-3 V.
  [[nodiscard]] bool pays() const { return rate > 2 * r || gradient_gain > 1e-3 * objective; }
};

/// The test at control `u` (M < K intervals) on all samples of `problem`. The field is the two-layer field
/// with activations `inner` and `outer`, or, when `single_layer`, the single-layer field with `inner`. Throws
/// InputError for fields whose first-order change is not linear in the outer layer: an outer (single-layer:
/// the) activation with a kink at 0.
template <class T>
TailTest test_tail(OptimalControlProblem<T>& problem, const Control<T>& u, bool single_layer,
                   Activation inner, Activation outer);

/// The same control followed by zeros, of `intervals` ≥ M intervals.
template <class T>
Control<T> followed_by_zeros(const Control<T>& u, Index intervals);

/// The state of a training with more active intervals: the new ones start at those of `start`, their moments
/// at zero. Where that holds every state, V is the same but for r‖u‖² of the new intervals.
template <class T>
TrainerState<T> extended(const TrainerState<T>& state, const Control<T>& start, Index active);

}  // namespace turnpike
