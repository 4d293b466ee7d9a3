#include "diagnostics/conformance_subject.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <exception>
#include <optional>

#include "turnpike/error.hpp"

namespace turnpike::conformance {

Subject::Subject(const IntegratorRegistry& integrators, std::string_view name,
                 const ConformanceOptions& options)
    : integrators_(integrators), traits_(integrators.find(name).traits), options_(options) {
  if (!std::isfinite(options.largest_step) || options.problems < 1) {
    throw InputError(
        fmt::format("a conformance check of {} problems up to h‖J‖ = {}; give at least 1 and a finite number",
                    options.problems, options.largest_step));
  }
  const IntegratorOptions& set = options_.integrator;
  if (set.adjoint || set.recovery != Recovery::none) {
    (void)integrators_.make<double>(name, set);  // the scheme refuses what it does not have
  }
  if (set.substeps || set.rtol || set.atol) {
    // The user's own wish: what the scheme says against it is for him.
    modes_ = {set.substeps && !set.rtol && !set.atol ? Steps::equal : Steps::error_controlled};
    (void)integrators_.make<double>(name, set);
  } else {
    modes_ = {Steps::equal, Steps::error_controlled};
    const auto refused = [&](Steps steps) {
      try {
        return method<double>(steps) == nullptr;
      } catch (const std::exception& error) {
        refusal_ = error.what();
        return true;
      }
    };
    std::erase_if(modes_, [&](Steps steps) {
      const bool declared = steps == Steps::equal ? traits_.fixed_steps : traits_.adaptive;
      return !declared || refused(steps);
    });
    if (!modes_.empty()) {
      refusal_.clear();
    } else if (refusal_.empty()) {
      refusal_ = traits_.fixed_steps || traits_.adaptive
                     ? "nothing was made"
                     : "its traits say that it takes neither equal nor error-controlled steps; set one of "
                       "fixed_steps and adaptive";
    }
  }
  if (!modes_.empty()) {
    // An option can change what kind of adjoint the scheme has.
    if (const auto own = set.adjoint ? method<double>(modes_.front()) : nullptr) {
      traits_.adjoint = own->traits().adjoint;
    }
    try {
      if (method<float>(modes_.front()) == nullptr) {
        float_refusal_ = "nothing was made";
      }
    } catch (const std::exception& error) {
      float_refusal_ = error.what();
    }
  }
}

template <class T>
std::shared_ptr<const IntervalMethod<T>> Subject::make(const IntegratorOptions& options) const {
  return integrators_.make<T>(traits_.name, options);
}

template <class T>
std::shared_ptr<const IntervalMethod<T>> Subject::equal_steps(Index substeps) const {
  IntegratorOptions options = options_.integrator;
  options.substeps = substeps;
  return make<T>(options);
}

template <class T>
std::shared_ptr<const IntervalMethod<T>> Subject::controlled(double rtol) const {
  IntegratorOptions options = options_.integrator;
  options.rtol = rtol;
  return make<T>(options);
}

template <class T>
double Subject::tolerance() const {
  constexpr double finest = std::is_same_v<T, float> ? 1e-4 : 1e-8;
  const std::optional<double> own =
      options_.integrator.rtol ? options_.integrator.rtol : options_.integrator.atol;
  return std::is_same_v<T, float> ? std::max(finest, own.value_or(finest)) : own.value_or(finest);
}

template <class T>
std::shared_ptr<const IntervalMethod<T>> Subject::method(Steps steps) const {
  return steps == Steps::equal ? equal_steps<T>(options_.integrator.substeps.value_or(2))
                               : controlled<T>(tolerance<T>());
}

template <class T>
std::shared_ptr<const IntervalMethod<T>> Subject::frozen(Steps steps) const {
  std::shared_ptr<const IntervalMethod<T>> own = method<T>(steps);
  std::shared_ptr<const IntervalMethod<T>> frozen = own->with_frozen_steps();
  return frozen ? frozen : own;
}

Finding passed_if(bool passed, std::string figure) {
  return {passed ? ConformanceVerdict::passed : ConformanceVerdict::failed, std::move(figure)};
}

void Checklist::run(std::string name, std::string explanation, const std::function<Finding()>& check) {
  Finding finding;
  try {
    finding = check();
  } catch (const std::exception& error) {
    finding = {ConformanceVerdict::failed, fmt::format("threw: {}", error.what())};
  }
  report_.checks.push_back(
      {std::move(name), finding.verdict, std::move(finding.figure), std::move(explanation)});
}

template std::shared_ptr<const IntervalMethod<float>> Subject::equal_steps(Index) const;
template std::shared_ptr<const IntervalMethod<float>> Subject::controlled(double) const;
template std::shared_ptr<const IntervalMethod<float>> Subject::method(Steps) const;
template std::shared_ptr<const IntervalMethod<float>> Subject::frozen(Steps) const;
template double Subject::tolerance<float>() const;
template std::shared_ptr<const IntervalMethod<double>> Subject::equal_steps(Index) const;
template std::shared_ptr<const IntervalMethod<double>> Subject::controlled(double) const;
template std::shared_ptr<const IntervalMethod<double>> Subject::method(Steps) const;
template std::shared_ptr<const IntervalMethod<double>> Subject::frozen(Steps) const;
template double Subject::tolerance<double>() const;

}  // namespace turnpike::conformance
