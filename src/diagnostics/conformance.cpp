#include "turnpike/conformance.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "diagnostics/conformance_subject.hpp"
#include "turnpike/error.hpp"

namespace turnpike {

namespace {

using conformance::Checklist;
using conformance::Finding;
using conformance::Steps;
using conformance::Subject;

/// What the made method says of itself is what the registry says of it.
Finding check_made(const Subject& subject) {
  if (subject.modes().empty()) {
    return {ConformanceVerdict::failed, subject.refusal()};
  }
  const IntegratorTraits& declared = subject.traits();
  for (const Steps steps : subject.modes()) {
    const IntegratorTraits made = subject.method<double>(steps)->traits();
    if (made.name != declared.name || made.order != declared.order || made.adjoint != declared.adjoint) {
      return {ConformanceVerdict::failed,
              fmt::format("registered as '{}' of order {}, made as '{}' of order {}", declared.name,
                          declared.order, made.name, made.order)};
    }
  }
  if (!subject.float_refusal().empty() && !declared.double_only) {
    return {
        ConformanceVerdict::failed,
        fmt::format("not made in float: {}; register it with traits.double_only", subject.float_refusal())};
  }
  return {ConformanceVerdict::passed, subject.float_refusal().empty()
                                          ? "in float and double"
                                          : "in double; in float: " + subject.float_refusal()};
}

std::size_t count(const ConformanceReport& report, ConformanceVerdict verdict) {
  return static_cast<std::size_t>(
      std::count_if(report.checks.begin(), report.checks.end(),
                    [&](const ConformanceCheck& check) { return check.verdict == verdict; }));
}

}  // namespace

ConformanceReport check_integrator(const IntegratorRegistry& integrators, std::string_view name,
                                   const ConformanceOptions& options) {
  if (options.problems < 1) {
    throw InputError(fmt::format("conformance needs at least 1 problem, not {}", options.problems));
  }
  const Subject subject(integrators, name, options);
  ConformanceReport report;
  report.integrator = name;
  Checklist list(report);
  list.run("made",
           "The scheme is made in float and double, in double alone with traits.double_only, and says of "
           "itself what "
           "it is registered with.",
           [&] { return check_made(subject); });
  for (const Steps steps : subject.modes()) {
    if (steps == Steps::equal) {
      conformance::check_order(subject, list);
    } else {
      conformance::check_tolerance(subject, list);
    }
    conformance::check_adjoint(subject, steps, list);
    conformance::check_zero_control(subject, steps, list);
    conformance::check_equilibria(subject, steps, list);
    conformance::check_samples(subject, steps, list);
    conformance::check_tiles(subject, steps, list);
    conformance::check_purity(subject, steps, list);
    conformance::check_precision(subject, steps, list);
    conformance::check_failure(subject, steps, list);
  }
  if (!subject.modes().empty()) {
    conformance::check_spurious_fixed_points(subject, list);
  }
  return report;
}

std::optional<double> observed_order(const IntegratorRegistry& integrators, std::string_view name) {
  const IntegratorTraits& traits = integrators.find(name).traits;
  if (!traits.fixed_steps) {
    return std::nullopt;
  }
  ConformanceOptions options;
  options.problems = 8;
  options.integrator.substeps = 1;
  try {
    const conformance::Subject subject(integrators, name, options);
    return subject.refusal().empty() ? conformance::state_order(subject) : std::nullopt;
  } catch (const std::exception&) {
    return std::nullopt;  // whoever uses the scheme is told
  }
}

std::string_view name_of(ConformanceVerdict verdict) {
  switch (verdict) {
    case ConformanceVerdict::passed:
      return "passed";
    case ConformanceVerdict::failed:
      return "failed";
    case ConformanceVerdict::skipped:
      break;
  }
  return "skipped";
}

bool ConformanceReport::passed() const { return count(*this, ConformanceVerdict::failed) == 0; }

std::vector<std::string> ConformanceReport::failed() const {
  std::vector<std::string> names;
  for (const ConformanceCheck& check : checks) {
    if (check.verdict == ConformanceVerdict::failed) {
      names.push_back(check.name);
    }
  }
  return names;
}

const ConformanceCheck* ConformanceReport::find(std::string_view name) const {
  const auto found = std::find_if(checks.begin(), checks.end(),
                                  [&](const ConformanceCheck& check) { return check.name == name; });
  return found == checks.end() ? nullptr : &*found;
}

std::string ConformanceReport::brief() const {
  if (!passed()) {
    return fmt::format("{} does not conform: {}", integrator, fmt::join(failed(), ", "));
  }
  return fmt::format("{} conforms: {} checks passed, {} skipped", integrator,
                     count(*this, ConformanceVerdict::passed), count(*this, ConformanceVerdict::skipped));
}

std::string ConformanceReport::full() const {
  std::string text;
  for (const ConformanceCheck& check : checks) {
    const bool failed = check.verdict == ConformanceVerdict::failed;
    text += fmt::format("{:<8} {:<32} {}\n", failed ? "FAILED" : name_of(check.verdict), check.name,
                        check.figure);
    if (failed) {
      text += fmt::format("{:<8} asked: {}\n", "", check.explanation);
    }
  }
  return text + brief() + "\n";
}

}  // namespace turnpike
