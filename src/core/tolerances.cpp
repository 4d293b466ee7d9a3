#include "core/tolerances.hpp"

#include <fmt/format.h>

#include <limits>
#include <type_traits>

#include "turnpike/error.hpp"

namespace turnpike {

template <class T>
Tolerances<T> checked_tolerances(const IntegratorOptions& options, double rtol, const std::string& scheme) {
  using Limits = std::numeric_limits<T>;
  const std::string precision =
      std::is_same_v<T, float> ? "float; set run.precision = double for finer ones" : "double";
  const double relative = options.rtol.value_or(rtol);
  const double smallest = 10 * static_cast<double>(Limits::epsilon());
  if (!(relative >= smallest && relative < 1)) {
    throw InputError(
        options.rtol
            ? fmt::format("integrator.rtol = {}: '{}' takes at least {:.1e} and less than 1 in {}", relative,
                          scheme, smallest, precision)
            : fmt::format(
                  "integrator.rtol is unset, and integrator.atol = {} cannot take its place: '{}' takes "
                  "a relative tolerance of at least {:.1e} and less than 1; set integrator.rtol",
                  relative, scheme, smallest));
  }
  const double absolute = options.atol.value_or(relative);
  if (!(absolute >= static_cast<double>(Limits::min()) && absolute <= static_cast<double>(Limits::max()))) {
    throw InputError(fmt::format("integrator.atol = {}: '{}' takes {:.1e} to {:.1e} in {}", absolute, scheme,
                                 Limits::min(), Limits::max(), precision));
  }
  return {static_cast<T>(relative), static_cast<T>(absolute)};
}
template Tolerances<float> checked_tolerances(const IntegratorOptions&, double, const std::string&);
template Tolerances<double> checked_tolerances(const IntegratorOptions&, double, const std::string&);

}  // namespace turnpike
