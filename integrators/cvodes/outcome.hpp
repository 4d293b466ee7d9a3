#pragma once

#include "turnpike/integrator.hpp"

namespace turnpike::cvodes {

/// Why CVODES ended with `flag` < 0, and what may help. `t` and `h` are where and how large the failed step
/// was.
StepStatus status_of(int flag, double t, double h);

}  // namespace turnpike::cvodes
