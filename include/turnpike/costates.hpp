#pragma once

#include <functional>
#include <vector>

#include "turnpike/problem.hpp"

namespace turnpike {

/// Sees the states X and the costates λ = ∂V/∂X (n×columns each) of the samples `first` to `first + columns`
/// − 1 at node t_k, from k = K down to 0.
template <class T>
using CostateVisitor = std::function<void(Index k, Index first, ConstTile<T> X, ConstTile<T> lambda)>;

/// Costates and Hamiltonian along a trajectory.
struct CostateProfile {
  /// Σ_d ‖λ_d(t_k)‖₂ at the K + 1 nodes. As V is a mean over samples, this is the mean norm of a sample's own
  /// costate and does not grow with D.
  std::vector<double> norm;
  /// H = mean ℓ(x, u_k) + r‖u_k‖² + Σ_d λ_d · F(x_d, u_k) at the beginning and the end of each of the K
  /// intervals. In continuous time H is constant over an interval of constant u, to the integrator's
  /// accuracy, and on the turnpike (u = 0, loss 0) it vanishes. With large fixed steps the two ends differ.
  std::vector<double> hamiltonian_begin;
  std::vector<double> hamiltonian_end;  ///<
  IntegrationStatus status;             ///< not ok: the rest is meaningless
};

/// The costates of the scheme in use (for schemes with the discrete adjoint the exact derivative of the
/// computed V) at control `u` of all K intervals, and the Hamiltonian. `visit`, unless it is empty, sees them
/// tile by tile; only one tile's trajectory is kept at a time. `definition.active_intervals` is not used.
/// Throws InputError when `u` does not have K intervals or the parts do not fit together.
template <class T>
CostateProfile measure_costates(const ProblemDefinition<T>& definition, const Dataset<T>& data,
                                const Control<T>& u, const CostateVisitor<T>& visit = {});

}  // namespace turnpike
