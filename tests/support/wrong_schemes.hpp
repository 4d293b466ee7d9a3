#pragma once

#include "turnpike/integrator.hpp"

namespace turnpike::test {

/// Schemes that are wrong, each in one way, for the conformance kit to reject:
///
///  - "wrong-node": a tableau of "order 3" with a misplaced node; row sums and weights are consistent.
///  - "wrong-row-sums": Heun's method that evaluates its second stage at t + h/2.
///  - "no-control-cost": Euler's method whose adjoint leaves out ∂ℓ/∂u.
///  - "inexact-adjoint": Euler's method whose adjoint is off by 1e-9 in double and 1e-4 in float, relatively.
///  - "drifting": Euler's method that adds 1e-14 to every state in each step.
///  - "mixing": Euler's method that moves each velocity a little towards the mean over the samples.
///  - "boasting": the classical method of order 4 that claims order 5.
///  - "overconfident": the explicit midpoint rule that claims to have no spurious fixed points.
///  - "remembering": Euler's method whose steps depend on how many came before.
///  - "throwing": a factory that throws.
IntegratorRegistry wrong_schemes();

}  // namespace turnpike::test
