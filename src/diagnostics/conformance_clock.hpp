#pragma once

#include <vector>

#include "turnpike/conformance.hpp"

namespace turnpike::conformance {

/// The final states, problem by problem, of random systems Ẋ = cos(2t) B X + s(t) that depend on time, on one
/// interval. Fields of this library do not, and so would never show a scheme that evaluates at the wrong
/// times; the seam hands every evaluation its time all the same. Throws NumericalError when a step fails.
std::vector<std::vector<double>> solve_clocked(const ConformanceOptions& options,
                                               const IntervalMethod<double>& method);

}  // namespace turnpike::conformance
