#include "turnpike/integrator.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cctype>
#include <cmath>
#include <type_traits>

#include "core/fixed_steps.hpp"
#include "turnpike/butcher_tableau.hpp"
#include "turnpike/error.hpp"

namespace turnpike {

namespace {

/// More sub-steps than this in one control interval is a slip of the pen.
constexpr Index most_substeps = 1'000'000;

/// What `make` makes. Throws InputError when that is nothing.
template <class Factory>
auto made(const Factory& make, const IntegratorTraits& traits, std::string_view scalar) {
  auto method = make ? make() : nullptr;
  if (!method) {
    throw InputError(
        fmt::format("the factory of '{}' made no method in {}; return one, or register the scheme with "
                    "traits.double_only",
                    traits.name, scalar));
  }
  return method;
}

void check_name(const std::string& name) {
  const bool well_formed = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '-';
  });
  if (!well_formed) {
    throw InputError(
        fmt::format("'{}' is no name for an integrator; use lower-case letters, digits and hyphens", name));
  }
}

}  // namespace

std::string_view describe(StepOutcome outcome) {
  switch (outcome) {
    case StepOutcome::ok:
      return "succeeded";
    case StepOutcome::not_finite:
      return "a state or the running cost became NaN or infinite";
    case StepOutcome::gradient_not_finite:
      return "the gradient became NaN or infinite";
    case StepOutcome::not_converged:
      return "a nonlinear solve did not converge";
    case StepOutcome::step_too_small:
      return "error control asked for a step below the resolution of t";
    case StepOutcome::threw:
      return "the scheme threw an exception";
    case StepOutcome::too_many_steps:
      return "the step limit of one interval was reached";
    case StepOutcome::stopped:
      return "stopped on request";
    case StepOutcome::solver_failed:
      break;
  }
  return "the solver gave up";
}

template <class T>
std::unique_ptr<IntervalMethod<T>> make_fixed_steps(IntegratorTraits traits, Index substeps,
                                                    std::unique_ptr<OneStepMethod<T>> method,
                                                    Recovery recovery) {
  if (substeps < 1 || !method) {
    throw InputError(
        method ? fmt::format("'{}' with {} steps an interval; give at least 1", traits.name, substeps)
               : fmt::format("no method for '{}'; give one", traits.name));
  }
  return std::make_unique<FixedSteps<T>>(std::move(traits), substeps, std::move(method), recovery);
}
template std::unique_ptr<IntervalMethod<float>> make_fixed_steps(IntegratorTraits, Index,
                                                                 std::unique_ptr<OneStepMethod<float>>,
                                                                 Recovery);
template std::unique_ptr<IntervalMethod<double>> make_fixed_steps(IntegratorTraits, Index,
                                                                  std::unique_ptr<OneStepMethod<double>>,
                                                                  Recovery);

Index checked_substeps(const IntegratorOptions& options) {
  const Index substeps = options.substeps.value_or(1);
  if (substeps < 1 || substeps > most_substeps) {
    throw InputError(fmt::format("integrator.substeps = {} is outside 1 to {}; choose a value between",
                                 substeps, most_substeps));
  }
  return substeps;
}

Index equal_substeps(const IntegratorTraits& traits, const IntegratorOptions& options) {
  if (options.rtol || options.atol) {
    throw InputError(
        fmt::format("integrator.{} is set, but '{}' takes fixed steps; set integrator.substeps or choose "
                    "an adaptive scheme",
                    options.rtol ? "rtol" : "atol", traits.name));
  }
  if (options.adjoint.value_or(traits.adjoint) != traits.adjoint) {
    throw InputError(
        fmt::format("integrator.adjoint = continuous, but '{}' has the exact discrete adjoint "
                    "only; leave integrator.adjoint unset",
                    traits.name));
  }
  if (options.recovery == Recovery::bisect && !traits.implicit) {
    throw InputError(fmt::format(
        "integrator.recovery = bisect, but '{}' solves no equations that could fail; leave it unset",
        traits.name));
  }
  return checked_substeps(options);
}

IntegratorTraits traits_of(const ButcherTableau& tableau) {
  IntegratorTraits traits;
  traits.name = tableau.name;
  traits.source = tableau.source;
  traits.order = tableau.order;
  traits.stages = tableau.stages();
  traits.implicit = !tableau.is_explicit();
  traits.negative_weights = std::any_of(tableau.b.begin(), tableau.b.end(), [](double b) { return b < 0; });
  traits.spurious_from = tableau.spurious_from;
  return traits;
}

void IntegratorRegistry::add(const ButcherTableau& tableau) {
  check_tableau(tableau);
  const IntegratorTraits traits = traits_of(tableau);
  if (tableau.is_explicit()) {
    add(
        traits, [tableau] { return make_explicit_runge_kutta<float>(tableau); },
        [tableau] { return make_explicit_runge_kutta<double>(tableau); });
  } else {
    (void)make_implicit_runge_kutta<double>(tableau);  // throws for what it cannot take
    add(
        traits, [tableau] { return make_implicit_runge_kutta<float>(tableau); },
        [tableau] { return make_implicit_runge_kutta<double>(tableau); });
  }
}

void IntegratorRegistry::add(const IntegratorTraits& traits, OneStepFactory<float> make_float,
                             OneStepFactory<double> make_double) {
  add(
      traits,
      [traits, make = std::move(make_float)](const IntegratorOptions& options) {
        return make_fixed_steps<float>(traits, equal_substeps(traits, options), made(make, traits, "float"),
                                       options.recovery);
      },
      [traits, make = std::move(make_double)](const IntegratorOptions& options) {
        return make_fixed_steps<double>(traits, equal_substeps(traits, options), made(make, traits, "double"),
                                        options.recovery);
      });
}

void IntegratorRegistry::add(const IntegratorTraits& traits, Factory<float> make_float,
                             Factory<double> make_double) {
  check_name(traits.name);
  if (traits.order < 1 || traits.stages < 1) {
    throw InputError(
        fmt::format("the integrator '{}' says it has order {} and {} stages; both are at least 1",
                    traits.name, traits.order, traits.stages));
  }
  if (!(traits.spurious_from > 0)) {
    throw InputError(fmt::format(
        "the integrator '{}' says that spurious fixed points appear from h‖J‖ = {}; give a number above "
        "0, infinity for never",
        traits.name, traits.spurious_from));
  }
  const auto same_name = [&](const Entry& entry) { return entry.traits.name == traits.name; };
  if (std::any_of(entries_.begin(), entries_.end(), same_name)) {
    throw InputError(
        fmt::format("an integrator called '{}' exists already; choose another name", traits.name));
  }
  entries_.push_back({traits, std::move(make_float), std::move(make_double)});
}

const IntegratorRegistry::Entry& IntegratorRegistry::find(std::string_view name) const {
  for (const Entry& entry : entries_) {
    if (entry.traits.name == name) {
      return entry;
    }
  }
  const std::string nearest = nearest_name(name, names());
  throw InputError(fmt::format(
      "unknown integrator '{}'{}; choose one of {}, or load the plug-in that has it by --plugin", name,
      nearest.empty() ? "" : fmt::format("; did you mean '{}'", nearest), fmt::join(names(), ", ")));
}

std::vector<std::string> IntegratorRegistry::names() const {
  std::vector<std::string> names;
  for (const Entry& entry : entries_) {
    names.push_back(entry.traits.name);
  }
  return names;
}

template <class T>
std::unique_ptr<IntervalMethod<T>> IntegratorRegistry::make(std::string_view name,
                                                            const IntegratorOptions& options) const {
  if constexpr (std::is_same_v<T, float>) {
    return find(name).make_float(options);
  } else {
    return find(name).make_double(options);
  }
}
template std::unique_ptr<IntervalMethod<float>> IntegratorRegistry::make(std::string_view,
                                                                         const IntegratorOptions&) const;
template std::unique_ptr<IntervalMethod<double>> IntegratorRegistry::make(std::string_view,
                                                                          const IntegratorOptions&) const;

}  // namespace turnpike
