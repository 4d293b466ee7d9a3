#pragma once

#include "turnpike/integrator.hpp"

namespace turnpike {

/// The tolerances of an error-controlled method: a step passes when its error stays below about
/// rtol |x| + atol.
template <class T>
struct Tolerances {
  T rtol;
  T atol;
};

/// The tolerances that `options` ask of the scheme of `traits` under error control. An unset rtol is the atol
/// of a scheme that could take equal steps, too, so that only a tolerance asks for error control, and else
/// 1e-6; an unset atol is the rtol.
Tolerances<double> asked_tolerances(const IntegratorTraits& traits, const IntegratorOptions& options);

/// The same in T. Throws InputError when rounding in T alone would exceed rtol, for rtol ≥ 1, and for an atol
/// that T does not hold or rounds to 0.
template <class T>
Tolerances<T> checked_tolerances(const IntegratorTraits& traits, const IntegratorOptions& options);

}  // namespace turnpike
