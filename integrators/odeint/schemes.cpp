#include "odeint/schemes.hpp"

#include <fmt/format.h>

#include "core/fixed_steps.hpp"
#include "core/tolerances.hpp"
#include "explicit_rk/explicit_runge_kutta.hpp"
#include "explicit_rk/tableaus.hpp"
#include "odeint/adaptive_steps.hpp"
#include "odeint/continuous_adjoint.hpp"
#include "turnpike/error.hpp"

namespace turnpike::odeint {

namespace {

template <class T>
std::unique_ptr<IntervalMethod<T>> make(const IntegratorTraits& traits, Controller controller,
                                        const ButcherTableau& tableau, const IntegratorOptions& options) {
  const bool continuous = options.adjoint == AdjointKind::continuous;
  if (options.recovery == Recovery::bisect) {
    throw InputError(fmt::format(
        "integrator.recovery = bisect, but '{}' solves no equations that could fail; leave it unset",
        traits.name));
  }
  auto method = std::make_unique<ExplicitRungeKutta<T>>(tableau);
  if (!options.rtol && !options.atol) {
    if (continuous) {
      throw InputError(fmt::format(
          "integrator.adjoint = continuous, but '{}' takes fixed steps here; set integrator.rtol, or "
          "leave integrator.adjoint unset for the exact discrete adjoint",
          traits.name));
    }
    IntegratorTraits fixed = traits;
    fixed.adaptive = false;
    return std::make_unique<FixedSteps<T>>(fixed, checked_substeps(options), std::move(method));
  }
  if (options.substeps) {
    throw InputError(
        fmt::format("integrator.substeps and a tolerance are both set; set integrator.rtol for steps "
                    "that '{}' chooses or integrator.substeps for fixed ones",
                    traits.name));
  }
  const auto [rtol, atol] = checked_tolerances<T>(traits, options);
  if (continuous) {
    return std::make_unique<ContinuousAdjointSteps<T>>(traits, controller, rtol, atol, std::move(method));
  }
  return std::make_unique<AdaptiveSteps<T>>(traits, controller, rtol, atol, std::move(method));
}

void add(IntegratorRegistry& registry, Controller controller, const ButcherTableau& tableau) {
  IntegratorTraits traits = traits_of(tableau);
  traits.adaptive = true;
  registry.add(
      traits,
      [=](const IntegratorOptions& options) { return make<float>(traits, controller, tableau, options); },
      [=](const IntegratorOptions& options) { return make<double>(traits, controller, tableau, options); });
}

}  // namespace

void add_dopri5(IntegratorRegistry& registry) { add(registry, Controller::dopri5, tableaus::dopri5()); }
void add_cash_karp54(IntegratorRegistry& registry) {
  add(registry, Controller::cash_karp54, tableaus::cash_karp54());
}
void add_fehlberg78(IntegratorRegistry& registry) {
  add(registry, Controller::fehlberg78, tableaus::fehlberg78());
}

}  // namespace turnpike::odeint
