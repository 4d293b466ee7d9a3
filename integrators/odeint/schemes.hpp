#pragma once

#include "turnpike/integrator.hpp"

/// Error-controlled explicit Runge-Kutta methods: adaptive when a tolerance is set, else fixed steps.
namespace turnpike::odeint {

void add_dopri5(IntegratorRegistry& registry);
void add_cash_karp54(IntegratorRegistry& registry);
void add_fehlberg78(IntegratorRegistry& registry);

}  // namespace turnpike::odeint
