#include "turnpike/builtin_tableaus.hpp"

#include "explicit_rk/tableaus.hpp"

namespace turnpike {

std::optional<ButcherTableau> builtin_explicit_tableau(std::string_view name) {
  using namespace tableaus;
  for (const auto make : {explicit_euler, explicit_midpoint, heun, ssprk3, kutta3, rk4, three_eighths, dopri5,
                          cash_karp54, fehlberg78}) {
    ButcherTableau tableau = make();
    if (tableau.name == name) {
      return tableau;
    }
  }
  return std::nullopt;
}

}  // namespace turnpike
