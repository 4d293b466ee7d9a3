#pragma once

#include <string>

#include "turnpike/integrator.hpp"

namespace turnpike::cli {

/// Adds the schemes of the plug-in `file`. With `measured`, one that converges with another order than it
/// declares is refused when it is first made: the others of the same plug-in are none the worse for it.
/// Throws InputError as `load_plugin` does.
void add_plugin(const std::string& file, bool measured, IntegratorRegistry& integrators);

}  // namespace turnpike::cli
