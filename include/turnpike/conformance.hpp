#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "turnpike/integrator.hpp"

/// The conformance kit: what every integrator promises, checked for one of them. Whoever writes a scheme
/// calls `check_integrator` in a test of his own, under any framework, and asks for `passed()`; the program's
/// `check-integrator` prints the same report.
namespace turnpike {

/// How thoroughly a scheme is checked.
struct ConformanceOptions {
  /// Options that the scheme is made with. `substeps` set: only equal steps are checked, so many an interval
  /// where a check does not refine them. A tolerance set: only error-controlled steps are checked, down to
  /// that tolerance. Neither set: both, if the scheme has both.
  IntegratorOptions integrator;
  int problems = 32;              ///< random problems, of whose observed orders the median counts
  std::uint64_t seed = 1;         ///< of problems, directions and starting points
  double order_tolerance = 0.1;   ///< on |slope − order|
  double exactness = 1e-10;       ///< relative error of an exact adjoint in double
  double exactness_float = 3e-5;  ///< the same in float
  /// Errors of error-controlled steps, and of a continuous adjoint, may be this many times the tolerance.
  double error_per_tolerance = 1000;
  double largest_step = 50;  ///< h‖J‖ up to which spurious fixed points are searched
};

enum class ConformanceVerdict {
  passed,
  failed,
  skipped,  ///< does not apply to the scheme, or nothing could be measured
};

/// "passed", "failed" or "skipped".
std::string_view name_of(ConformanceVerdict verdict);

/// One promise and what became of it.
struct ConformanceCheck {
  std::string name;  ///< e.g. "zero-control"; of error-controlled steps "zero-control-adaptive"
  ConformanceVerdict verdict = ConformanceVerdict::skipped;
  std::string figure;       ///< what was measured
  std::string explanation;  ///< what is asked, in a sentence
};

/// What was checked of one scheme.
struct ConformanceReport {
  std::string integrator;
  std::vector<ConformanceCheck> checks;

  [[nodiscard]] bool passed() const;                                        ///< whether no check failed
  [[nodiscard]] std::vector<std::string> failed() const;                    ///< names of the failed checks
  [[nodiscard]] const ConformanceCheck* find(std::string_view name) const;  ///< null when there is none
  [[nodiscard]] std::string brief() const;                                  ///< one line
  [[nodiscard]] std::string full() const;  ///< a line a check, with an explanation where it failed
};

/// Checks the integrator `name` against everything that its traits and the declarations of integrator.hpp
/// promise:
///
///  - state, cost, gradient and running cost converge with `traits.order` although the control jumps, or
///    follow the tolerance under error control; the nodes at which a scheme evaluates are right in time;
///  - the adjoint is exact, to rounding in double and in float (a continuous one: to the tolerance);
///  - zero control, and a second layer of zeros, return every state bit for bit; equilibria of the field are
///    kept, and no spurious fixed points appear below `traits.spurious_from`;
///  - samples do not influence one another, and a step depends on its arguments alone;
///  - float agrees with double; failures are reported with layer and time, and leave the state as it was.
///
/// References come from built-in schemes, never from the one under test. Throws InputError for an unknown
/// name and for options that the scheme does not take; whatever else the scheme throws fails a check.
ConformanceReport check_integrator(const IntegratorRegistry& integrators, std::string_view name,
                                   const ConformanceOptions& options = {});

/// The order with which the states of a scheme's equal steps converge, on 8 of the kit's problems: enough to
/// see a wrong declaration, in some hundredths of a second. Empty for schemes without equal steps or that
/// fail there, and where nothing can be measured. Throws InputError for an unknown name.
std::optional<double> observed_order(const IntegratorRegistry& integrators, std::string_view name);

}  // namespace turnpike
