#include "core/tolerances.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <type_traits>

#include "turnpike/error.hpp"

namespace turnpike {

template <class T>
Tolerances<T> checked_tolerances(const IntegratorOptions& options, double rtol, const std::string& scheme) {
  const double relative = options.rtol.value_or(rtol);
  const double smallest = 10 * static_cast<double>(std::numeric_limits<T>::epsilon());
  if (!(relative >= smallest && relative < 1)) {
    throw InputError(fmt::format(
        "integrator.rtol = {}: '{}' takes tolerances from {:.1e} to 1 in {}", relative, scheme, smallest,
        std::is_same_v<T, float> ? "float; set run.precision = double for finer ones" : "double"));
  }
  const T absolute = options.atol ? static_cast<T>(*options.atol) : static_cast<T>(relative);
  if (!(absolute > 0) || !std::isfinite(absolute)) {
    throw InputError(fmt::format("integrator.atol = {}: give a finite number above 0", *options.atol));
  }
  return {static_cast<T>(relative), absolute};
}
template Tolerances<float> checked_tolerances(const IntegratorOptions&, double, const std::string&);
template Tolerances<double> checked_tolerances(const IntegratorOptions&, double, const std::string&);

}  // namespace turnpike
