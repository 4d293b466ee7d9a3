#include "sample_problem.hpp"

#include "explicit_rk/tableaus.hpp"

namespace turnpike::test {

std::vector<ButcherTableau> explicit_tableaus() {
  return {tableaus::explicit_euler(), tableaus::explicit_midpoint(),
          tableaus::heun(),           tableaus::ssprk3(),
          tableaus::kutta3(),         tableaus::rk4(),
          tableaus::three_eighths()};
}

}  // namespace turnpike::test
