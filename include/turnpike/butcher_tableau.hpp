#pragma once

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "turnpike/integrator.hpp"

namespace turnpike {

/// The coefficients of a Runge-Kutta method (Butcher; Hairer, Nørsett, Wanner, Solving Ordinary
/// Differential Equations I, II.1):
///
///     X_i = X + h Σ_j a_ij K_j,   K_i = F(X_i, u),   X⁺ = X + h Σ_i b_i K_i,
///     q⁺ = q + h Σ_i b_i ℓ(X_i, u).
struct ButcherTableau {
  std::string name;                    ///< on the command line
  std::string source;                  ///< where it is described
  int order = 1;                       ///< of the weights b
  std::vector<std::vector<double>> A;  ///< s rows of s entries; a_ij = 0 for j ≥ i when explicit
  std::vector<double> b;               ///< s weights, Σ b_i = 1
  std::vector<double> c;               ///< s nodes, c_i = Σ_j a_ij
  /// Smallest h‖J‖ with spurious fixed points, see IntegratorTraits.
  double spurious_from = std::numeric_limits<double>::infinity();

  [[nodiscard]] int stages() const { return static_cast<int>(b.size()); }
  [[nodiscard]] bool is_explicit() const;
};

/// Throws InputError unless the tableau has s ≥ 1 stages, matching shapes, finite entries, row sums
/// equal to c and weights that sum to 1 (both to 1e-14).
void check_tableau(const ButcherTableau& tableau);

/// Whether b, A, c satisfy all order conditions up to `order` ≤ 4 to within `tolerance`
/// (Hairer, Nørsett, Wanner I, Table II.2.2).
bool satisfies_order_conditions(const ButcherTableau& tableau, int order, double tolerance = 1e-13);

/// The explicit Runge-Kutta method of `tableau` with its exact discrete adjoint. Throws InputError when
/// the tableau is not explicit or does not pass check_tableau.
template <class T>
std::unique_ptr<OneStepMethod<T>> make_explicit_runge_kutta(const ButcherTableau& tableau);

/// The implicit Runge-Kutta method of `tableau`, diagonally or fully implicit, with its exact discrete
/// adjoint at the converged stages. A step that Newton cannot solve ends in StepOutcome::not_converged with
/// the worst sample. Throws InputError when the tableau does not pass check_tableau or has more than 4
/// stages.
template <class T>
std::unique_ptr<OneStepMethod<T>> make_implicit_runge_kutta(const ButcherTableau& tableau);

}  // namespace turnpike
