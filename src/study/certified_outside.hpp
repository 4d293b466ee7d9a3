#pragma once

#include "turnpike/geometry.hpp"
#include "turnpike/problem.hpp"

namespace turnpike {

/// An upper bound of the mean number of layers k < K that a sample spends farther than ε from its minimizers,
/// from the losses alone: mean over samples of Σ_k min(1, ℓ̃(x_{d,k})/α*(ε)). It needs no optimality: a layer
/// outside costs at least α*(ε), which is rounded down here. `loss` is the soft cross-entropy of `geometry`.
/// Throws NumericalError when the integration fails.
template <class T>
double certified_outside(OptimalControlProblem<T>& problem, const Control<T>& u, const Cost<T>& loss,
                         const SoftCrossEntropyGeometry& geometry, double epsilon);

}  // namespace turnpike
