#include "core/tolerances.hpp"

#include <fmt/format.h>

#include <limits>
#include <type_traits>

#include "turnpike/error.hpp"

namespace turnpike {

Tolerances<double> asked_tolerances(const IntegratorTraits& traits, const IntegratorOptions& options) {
  constexpr double usual_rtol = 1e-6;
  const double rtol = options.rtol.value_or(traits.fixed_steps ? options.atol.value_or(0) : usual_rtol);
  return {rtol, options.atol.value_or(rtol)};
}

template <class T>
Tolerances<T> checked_tolerances(const IntegratorTraits& traits, const IntegratorOptions& options) {
  using Limits = std::numeric_limits<T>;
  const std::string precision =
      std::is_same_v<T, float> ? "float; set run.precision = double for finer ones" : "double";
  const auto [relative, absolute] = asked_tolerances(traits, options);
  const double smallest = 10 * static_cast<double>(Limits::epsilon());
  if (!(relative >= smallest && relative < 1)) {
    throw InputError(
        options.rtol
            ? fmt::format("integrator.rtol = {}: '{}' takes at least {:.1e} and less than 1 in {}", relative,
                          traits.name, smallest, precision)
            : fmt::format(
                  "integrator.rtol is unset, and integrator.atol = {} cannot take its place: '{}' takes "
                  "a relative tolerance of at least {:.1e} and less than 1; set integrator.rtol",
                  relative, traits.name, smallest));
  }
  if (!(absolute >= static_cast<double>(Limits::min()) && absolute <= static_cast<double>(Limits::max()))) {
    throw InputError(fmt::format("integrator.atol = {}: '{}' takes {:.1e} to {:.1e} in {}", absolute,
                                 traits.name, Limits::min(), Limits::max(), precision));
  }
  return {static_cast<T>(relative), static_cast<T>(absolute)};
}
template Tolerances<float> checked_tolerances(const IntegratorTraits&, const IntegratorOptions&);
template Tolerances<double> checked_tolerances(const IntegratorTraits&, const IntegratorOptions&);

}  // namespace turnpike
