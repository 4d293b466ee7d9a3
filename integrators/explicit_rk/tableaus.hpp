#pragma once

#include "turnpike/butcher_tableau.hpp"

/// The explicit Runge-Kutta methods that come with turnpike. Page numbers are those of Hairer, Nørsett,
/// Wanner, Solving Ordinary Differential Equations I (HNW), 2nd edition, 1993.
namespace turnpike::tableaus {

ButcherTableau explicit_euler();
ButcherTableau explicit_midpoint();
ButcherTableau heun();
ButcherTableau ssprk3();
ButcherTableau kutta3();
ButcherTableau rk4();
ButcherTableau three_eighths();
ButcherTableau dopri5();
ButcherTableau cash_karp54();
ButcherTableau fehlberg78();

}  // namespace turnpike::tableaus
