#include "cvodes/schemes.hpp"
#include "explicit_rk/tableaus.hpp"
#include "implicit_rk/tableaus.hpp"
#include "odeint/schemes.hpp"
#include "turnpike/integrator.hpp"

namespace turnpike {

IntegratorRegistry builtin_integrators() {
  IntegratorRegistry registry;
  registry.add(tableaus::explicit_euler());
  registry.add(tableaus::explicit_midpoint());
  registry.add(tableaus::heun());
  registry.add(tableaus::ssprk3());
  registry.add(tableaus::kutta3());
  registry.add(tableaus::rk4());
  registry.add(tableaus::three_eighths());
  odeint::add_dopri5(registry);
  odeint::add_cash_karp54(registry);
  odeint::add_fehlberg78(registry);
  registry.add(tableaus::implicit_euler());
  registry.add(tableaus::implicit_midpoint());
  registry.add(tableaus::trapezoidal());
  registry.add(tableaus::sdirk2());
  registry.add(tableaus::sdirk3());
  registry.add(tableaus::gauss4());
  registry.add(tableaus::radau5());
  cvodes::add_bdf(registry);
  cvodes::add_adams(registry);
  return registry;
}

}  // namespace turnpike
