#pragma once

#include <optional>
#include <string_view>

#include "turnpike/butcher_tableau.hpp"

namespace turnpike {

/// The tableau of the built-in explicit Runge-Kutta method `name`, nothing for another scheme. Methods with
/// an error estimate have it for their fixed steps.
std::optional<ButcherTableau> builtin_explicit_tableau(std::string_view name);

}  // namespace turnpike
