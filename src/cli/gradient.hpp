#pragma once

#include <functional>

#include "cli/progress.hpp"
#include "turnpike/experiment.hpp"
#include "turnpike/gradient_check.hpp"

namespace turnpike::cli {

/// Checks the gradient of the problem of `config` (resolved) on `samples` at u.
///
/// With a discrete adjoint, against differences of the computed V, steps frozen. A continuous adjoint
/// differentiates the exact V and is right to its tolerance: V is then that of fehlberg78 with frozen steps
/// chosen at a hundredth of integrator.rtol, and the error may be a thousand times integrator.rtol (tenfold
/// what was measured at random controls; at trained ones the gradient is small against its parts). Of fields
/// with kinks, only differences that pass none count. Throws NumericalError when V is not finite at u.
GradientCheckReport check_experiment(const RunConfig& config, const Dataset<double>& samples,
                                     const Control<double>& u, GradientCheckOptions options,
                                     const IntegratorRegistry& integrators);

/// For GradientCheckOptions::progress: every few seconds `phases`, which outlives it, tells how far it is.
std::function<void(int done, int all)> differences_told_by(Phases& phases);

}  // namespace turnpike::cli
