#pragma once

#include "turnpike/integrator.hpp"

/// SUNDIALS CVODES: variable-order multistep methods of Nordsieck form with error control, and the continuous
/// adjoint. Only files of this folder include SUNDIALS.
namespace turnpike::cvodes {

void add_bdf(IntegratorRegistry& registry);
void add_adams(IntegratorRegistry& registry);

}  // namespace turnpike::cvodes
