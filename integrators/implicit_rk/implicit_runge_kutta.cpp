#include "implicit_rk/implicit_runge_kutta.hpp"

#include <fmt/format.h>

#include "turnpike/error.hpp"

namespace turnpike {

template <class T>
std::unique_ptr<OneStepMethod<T>> make_implicit_runge_kutta(const ButcherTableau& tableau) {
  check_tableau(tableau);
  if (tableau.stages() > most_implicit_stages) {
    throw InputError(fmt::format("the implicit tableau '{}' has {} stages; at most {} are possible",
                                 tableau.name, tableau.stages(), most_implicit_stages));
  }
  return std::make_unique<ImplicitRungeKutta<T>>(tableau);
}

template std::unique_ptr<OneStepMethod<float>> make_implicit_runge_kutta(const ButcherTableau&);
template std::unique_ptr<OneStepMethod<double>> make_implicit_runge_kutta(const ButcherTableau&);

}  // namespace turnpike
