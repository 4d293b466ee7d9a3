#pragma once

#include "turnpike/config.hpp"

namespace turnpike {

/// Calls `function.template operator()<T>()` with the precision T of states and controls under run.precision:
/// float for bf16, too, which is that of products only.
template <class Function>
auto with_precision(const RunConfig& config, Function&& function) {
  return config.run.precision == "double" ? function.template operator()<double>()
                                          : function.template operator()<float>();
}

}  // namespace turnpike
