#pragma once

#include <span>

#include "turnpike/ensemble.hpp"

namespace turnpike {

/// An envelope β q(t) of the distances of a trajectory from the turnpike, as Assumption 10 (q = ρ^k) and
/// Assumption 15 (q = e^{−ρt}) ask for. It holds for what was observed only.
struct Envelope {
  double beta = 0;  ///< β ≥ 0
  /// ρ: in (0, 1) a layer, or a rate > 0 in time; 0 when every distance is 0.
  double rho = 0;
  /// V̂, which bounds V along any trajectory under the envelope, for every horizon: by the mean loss's
  /// Lipschitz constant √(2/D) in the stacked distance, √(2/D) β (1/(1−ρ) + γ) + r β²/(1−ρ²) in layers,
  /// √(2/D) β (1/ρ + γ) + r β²/(2ρ) in time. In layers V is that of unit steps.
  double value_bound = 0;
};

/// The envelope with the least V̂ over `distances` of the stacked pairs (x_k, u_k) from Z̄*, k = 0, 1, …, all
/// finite and ≥ 0. `samples` is D, `gamma` is γ ≥ 0, `r` ≥ 0.
Envelope geometric_envelope(std::span<const double> distances, Index samples, double gamma, double r);

/// The same over `distances` at `times` ≥ 0.
Envelope exponential_envelope(std::span<const double> times, std::span<const double> distances, Index samples,
                              double gamma, double r);

}  // namespace turnpike
