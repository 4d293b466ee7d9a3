#include "turnpike/ensemble.hpp"

#include <fmt/format.h>

#include "turnpike/error.hpp"

namespace turnpike {

void check_state_dimension(Index n, Index features) {
  if (n < features) {
    throw InputError(
        fmt::format("the state dimension {} is smaller than the number of features {}; raise "
                    "field.state or leave it unset",
                    n, features));
  }
}

}  // namespace turnpike
