#include "turnpike/conformance.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sample_problem.hpp"
#include "turnpike/butcher_tableau.hpp"
#include "turnpike/error.hpp"
#include "wrong_schemes.hpp"

namespace turnpike::test {
namespace {

/// Enough to see a slip of the pen; the observed order of a scheme of order 8 takes the default.
ConformanceOptions quick() {
  ConformanceOptions options;
  options.problems = 8;
  return options;
}

/// What the figures ask for, and under sanitizers what shows a mistake of memory.
ConformanceOptions thorough() {
  ConformanceOptions options;
  if (sanitized) {
    options.problems = 4;
    options.order_tolerance = 0.5;
  }
  return options;
}

TEST_CASE("every built-in scheme conforms") {
  const IntegratorRegistry registry = builtin_integrators();
  for (const std::string& name : registry.names()) {
    const ConformanceReport report = check_integrator(registry, name, thorough());
    CAPTURE(report.full());
    CHECK(report.passed());
    CHECK(report.integrator == name);
    CHECK(report.brief().rfind(name + " conforms", 0) == 0);
  }
}

TEST_CASE("each wrong scheme is rejected for what is wrong with it, and for nothing else") {
  const IntegratorRegistry registry = wrong_schemes();
  const auto failed = [&](const std::string& name) {
    const ConformanceReport report = check_integrator(registry, name, quick());
    INFO(report.full());
    CHECK_FALSE(report.passed());
    return report.brief().substr(report.brief().find(": ") + 2);
  };
  CHECK(failed("wrong-node") == "order-state, order-quadrature, order-cost, order-gradient, order-in-time");
  CHECK(failed("wrong-row-sums") == "order-in-time");
  CHECK(failed("no-control-cost") == "adjoint-control-cost, adjoint-control-cost-float");
  CHECK(failed("inexact-adjoint") ==
        "adjoint-step, adjoint-step-float, adjoint-state-cost, adjoint-state-cost-float, adjoint-gradient, "
        "float-agrees");
  CHECK(failed("drifting") == "zero-control, zero-second-layer, equilibria-exact");
  CHECK(failed("mixing") == "sample-independence");
  CHECK(failed("boasting") == "order-state, order-quadrature, order-cost, order-gradient, order-in-time");
  CHECK(failed("overconfident") == "equilibria-spurious");
  CHECK(failed("throwing") == "made");
}

TEST_CASE("no part of an adjoint that is NaN passes") {
  const ConformanceReport report = check_integrator(wrong_schemes(), "nan-gradient", quick());
  CAPTURE(report.full());
  for (const ConformanceCheck& check : report.checks) {
    if (check.name.rfind("adjoint-", 0) == 0) {
      CHECK(check.verdict != ConformanceVerdict::passed);
    }
  }
}

TEST_CASE("a scheme whose steps depend on those before is rejected") {
  const std::vector<std::string> failed = check_integrator(wrong_schemes(), "remembering", quick()).failed();
  CHECK(std::find(failed.begin(), failed.end(), "pure-steps") != failed.end());
}

TEST_CASE("a tableau whose row sums differ from its nodes cannot be registered") {
  IntegratorRegistry registry;
  ButcherTableau heun = explicit_tableaus()[2];
  heun.c[1] = 0.5;
  CHECK_THROWS_WITH_AS(registry.add(heun), doctest::Contains("row 2"), InputError);
}

TEST_CASE("a report tells what was measured, and of a failure what was asked") {
  const ConformanceReport report = check_integrator(wrong_schemes(), "overconfident", quick());
  const ConformanceCheck* check = report.find("equilibria-spurious");
  REQUIRE(check != nullptr);
  CHECK(check->verdict == ConformanceVerdict::failed);
  CHECK(check->figure.find("declared never, found from h‖J‖ = 2.00") != std::string::npos);
  CHECK(report.brief() == "overconfident does not conform: equilibria-spurious");
  CHECK(report.full().find(check->explanation) != std::string::npos);
  CHECK(report.find("order-state")->figure.find("declared 2") != std::string::npos);
  CHECK(report.find("no-such-check") == nullptr);
}

TEST_CASE("options of the scheme choose how its steps are checked") {
  const IntegratorRegistry registry = builtin_integrators();
  ConformanceOptions options = quick();
  options.integrator.rtol = 1e-5;
  const ConformanceReport controlled = check_integrator(registry, "dopri5", options);
  CAPTURE(controlled.full());
  CHECK(controlled.passed());
  CHECK(controlled.find("tolerance-state-adaptive") != nullptr);
  CHECK(controlled.find("order-state") == nullptr);
  CHECK_THROWS_AS((void)check_integrator(registry, "rk4", options), InputError);
  CHECK_THROWS_WITH_AS((void)check_integrator(registry, "rk5"), doctest::Contains("rk4"), InputError);
  options = quick();
  options.integrator.substeps = 3;
  const ConformanceReport equal = check_integrator(registry, "dopri5", options);
  CAPTURE(equal.full());
  CHECK(equal.passed());
  CHECK(equal.find("tolerance-state-adaptive") == nullptr);
}

}  // namespace
}  // namespace turnpike::test
