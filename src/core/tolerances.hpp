#pragma once

#include <string>

#include "turnpike/integrator.hpp"

namespace turnpike {

/// The tolerances of an error-controlled method: a step passes when its error stays below about
/// rtol |x| + atol.
template <class T>
struct Tolerances {
  T rtol;
  T atol;
};

/// options.rtol, or `rtol` when unset; options.atol, or options.rtol when unset. Throws InputError when
/// rounding in T alone would exceed rtol, for rtol ≥ 1, and for an atol that T does not hold or rounds to 0.
template <class T>
Tolerances<T> checked_tolerances(const IntegratorOptions& options, double rtol, const std::string& scheme);

}  // namespace turnpike
