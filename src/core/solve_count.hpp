#pragma once

#include "turnpike/ensemble.hpp"

namespace turnpike {

/// Linear systems that implicit schemes have solved on this thread, a sample each, forward and back.
inline thread_local Index linear_solves = 0;

}  // namespace turnpike
