#pragma once

#include <cstdint>

namespace turnpike::test {

/// Heap allocations of the whole program so far, by new, malloc, calloc, realloc and aligned versions.
std::int64_t allocations();

}  // namespace turnpike::test
