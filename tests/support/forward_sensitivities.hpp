#pragma once

#include "sample_problem.hpp"

namespace turnpike::test {

/// dV/du · d of a sample problem with r = 0, by CVODES' forward sensitivities over one interval after
/// another, all under error control. The equations of state, cost and sensitivities come from dual numbers.
double directional_derivative(const SampleProblem& p, const Control<double>& u, const Control<double>& d,
                              double rtol);

}  // namespace turnpike::test
