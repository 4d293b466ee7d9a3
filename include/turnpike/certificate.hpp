#pragma once

#include <span>
#include <vector>

#include "turnpike/minimizers.hpp"
#include "turnpike/turnpike.hpp"

namespace turnpike {

/// A measured number of layers, or time, beside two upper bounds that follow from the losses alone. They hold
/// for every control, optimal or not: the storage of the dissipation inequality is constant (Prop. 9), so
/// outside ε every layer costs at least α(ε).
struct Certified {
  double measured = 0;
  double sharp = 0;  ///< Σ_k min(1, ℓ_k/α(ε))
  double plain = 0;  ///< Σ_k ℓ_k/α(ε), as in the proofs of Prop. 12 and 16; infinite for α = 0
};

/// One way to measure how far an ensemble is from its minimizers.
struct CertifiedDistance {
  double alpha = 0;  ///< what a layer outside ε costs at least, rounded down
  Certified layers;  ///< #Q̄_ε, of the layers k < K
  Certified time;    ///< μ[Θ_ε], on the lines between the measured states
};

/// What is certified at a level ε > 0.
struct Certificate {
  double epsilon = 1;
  /// Of each sample apart, mean over samples, with the sharp α* of one sample: the bound meant for people.
  CertifiedDistance sample;
  /// Of the ensemble by the root mean square distance and by the stacked one (√D times larger), with α_D(s) =
  /// α(s)/D, α concave in s². Vacuous for many samples.
  CertifiedDistance root_mean_square;
  CertifiedDistance stacked;
  /// The same with the control in the distance: dist² + ‖u_k‖², and r‖u_k‖² in the cost. As both bounds are
  /// concave in the squared parts, the least cost outside ε is min(α_D(ε), r ε²).
  CertifiedDistance root_mean_square_with_control;
  CertifiedDistance stacked_with_control;
};

/// Certificates for each of `epsilons` from `nodes` and `dense`, the same trajectory at its nodes and at as
/// many times or more, both with `losses`. `control_norms` holds ‖u_k‖, K entries. Rounded outward, so that
/// no bound is below what it bounds. Between two times the state is taken to move on a line: there the loss
/// is convex, so that the trapezoidal rule is an upper bound of its integral, and crossings are exact. Throws
/// InputError unless each ε is finite and above 0, and when the sizes do not fit each other.
std::vector<Certificate> certify(const Measurement& nodes, const Measurement& dense,
                                 std::span<const double> control_norms, double r,
                                 const MinimizerSet& minimizers, std::span<const double> epsilons);

/// The levels that are tabulated unless others are asked for.
inline constexpr double epsilon_ladder[] = {0.1, 0.2, 0.5, 1, 2, 4};

}  // namespace turnpike
