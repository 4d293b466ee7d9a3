#include "explicit_rk/explicit_runge_kutta.hpp"

#include <fmt/format.h>

#include "turnpike/error.hpp"

namespace turnpike {

template <class T>
std::unique_ptr<OneStepMethod<T>> make_explicit_runge_kutta(const ButcherTableau& tableau) {
  check_tableau(tableau);
  if (!tableau.is_explicit()) {
    throw InputError(fmt::format(
        "the tableau '{}' has an entry on or above the diagonal of A, so it is not explicit", tableau.name));
  }
  return std::make_unique<ExplicitRungeKutta<T>>(tableau);
}

template std::unique_ptr<OneStepMethod<float>> make_explicit_runge_kutta(const ButcherTableau&);
template std::unique_ptr<OneStepMethod<double>> make_explicit_runge_kutta(const ButcherTableau&);

}  // namespace turnpike
