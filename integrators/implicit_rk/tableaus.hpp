#pragma once

#include "turnpike/butcher_tableau.hpp"

/// The implicit Runge-Kutta methods that come with turnpike. Page numbers are those of Hairer, Wanner,
/// Solving Ordinary Differential Equations II (HW), 2nd edition, 1996.
namespace turnpike::tableaus {

ButcherTableau implicit_euler();
ButcherTableau implicit_midpoint();
ButcherTableau trapezoidal();
ButcherTableau sdirk2();
ButcherTableau sdirk3();
ButcherTableau gauss4();
ButcherTableau radau5();

}  // namespace turnpike::tableaus
