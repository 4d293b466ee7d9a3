#include "turnpike/gradient_check.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "registered_problem.hpp"

namespace turnpike::test {
namespace {

TEST_CASE("differences and the Taylor remainder confirm the gradient of every scheme") {
  for (const std::string& name : fixed_step_names()) {
    for (const Index substeps : {1, 3}) {
      SampleProblem p;
      p.substeps = substeps;
      p.samples = 8;
      OptimalControlProblem<double> problem = make_problem<double>(p, name);
      const GradientCheckReport report = check_gradient(problem, make_control<double>(p), {});
      CAPTURE(name);
      CAPTURE(report.full());
      CHECK(report.passed);
      CHECK(report.difference_error <= 1e-10);
      CHECK(report.central_error <= 1e-7);
      CHECK(report.slope_measured);
      CHECK(std::abs(report.taylor_slope - 2) <= 0.05);
    }
  }
}

/// The check of a relu field's gradient after `change`, with differences across kinks left out.
template <class Change>
GradientCheckReport check_kinked(const SampleProblem& p, Change change) {
  ProblemDefinition<double> definition = make_problem<double>(p, "rk4").definition();
  const KinkWatch watch(definition);
  OptimalControlProblem<double> problem(definition, make_dataset<double>(p));
  GradientCheckOptions options;
  options.kinks = [watch] { return watch.sides(); };
  return check_gradient(problem, make_control<double>(p), options,
                        [&](const Control<double>& u, Control<double>& gradient) {
                          (void)problem.value_and_gradient(u, gradient);
                          change(gradient);
                        });
}

TEST_CASE("differences that pass no kink confirm the gradient of a field with kinks, and catch a wrong one") {
  for (const FieldKind field : {FieldKind::two_layer, FieldKind::single_layer}) {
    for (const Activation outer : {Activation::identity, Activation::leaky_relu}) {
      SampleProblem p;
      p.field = field;
      p.samples = 40;
      p.activation = Activation::relu;
      p.outer = outer;
      const GradientCheckReport report = check_kinked(p, [](Control<double>&) {});
      CAPTURE(report.full());
      CHECK(report.passed);
      CHECK_FALSE(report.undecided);
      CHECK(report.differences > 20);
      const GradientCheckReport wrong = check_kinked(p, [](Control<double>& g) {
        for (double& entry : g.values()) {
          entry *= 1 + 1e-4;
        }
      });
      CAPTURE(wrong.full());
      CHECK_FALSE(wrong.passed);
      CHECK_FALSE(wrong.undecided);
    }
  }
}

TEST_CASE("at zero control an outer kink confirms no gradient and contradicts none") {
  for (const Activation outer : {Activation::relu, Activation::leaky_relu}) {
    SampleProblem p;
    p.activation = Activation::tanh;
    p.outer = outer;
    p.control_size = 0;
    const GradientCheckReport report = check_kinked(p, [](Control<double>&) {});
    CAPTURE(report.full());
    CHECK((report.passed || report.undecided));
    CHECK(report.across_kinks > 0);
    CHECK(report.across_kinks < report.differences / 2);
    CHECK(report.coordinate_error < 1e-10);
    CHECK(report.resolution < 1e-10);
  }
}

/// The check's verdict on the problem's own gradient after `change`.
template <class Change>
GradientCheckReport check_changed(Change change, const GradientCheckOptions& options = {}) {
  SampleProblem p;
  p.samples = 40;
  OptimalControlProblem<double> problem = make_problem<double>(p, "rk4");
  return check_gradient(problem, make_control<double>(p), options,
                        [&](const Control<double>& u, Control<double>& gradient) {
                          (void)problem.value_and_gradient(u, gradient);
                          change(gradient);
                        });
}

TEST_CASE("a gradient that is off by 1e-9 of its size is caught") {
  CHECK(check_changed([](Control<double>&) {}).passed);
  const GradientCheckReport scaled = check_changed([](Control<double>& g) {
    for (double& entry : g.values()) {
      entry *= 1 + 1e-9;
    }
  });
  CHECK_FALSE(scaled.passed);
  CHECK(scaled.difference_error == doctest::Approx(1e-9).epsilon(0.1));
}

TEST_CASE("a gradient with a wrong block is caught, and its worst entry named") {
  const GradientCheckReport report = check_changed([](Control<double>& g) {
    const auto values = g.values();
    double largest = 0;
    for (const double entry : values) {
      largest = std::max(largest, std::abs(entry));
    }
    for (Index k = 0; k < g.intervals(); ++k) {
      g.matrix("b2", k).array() += 1e-6 * largest;
    }
  });
  CHECK_FALSE(report.passed);
  CHECK(report.worst_entry.rfind("b2[", 0) == 0);
  CHECK(report.full().find("FAILED") != std::string::npos);
  CHECK(report.brief().find("FAILED") == 0);
}

TEST_CASE("tolerances decide what passes") {
  const auto scaled = [](Control<double>& g) {
    for (double& entry : g.values()) {
      entry *= 1 + 1e-6;
    }
  };
  GradientCheckOptions loose;
  loose.tolerance = 1e-5;
  loose.slope_tolerance = 10;
  CHECK(check_changed(scaled, loose).passed);
  GradientCheckOptions tight = loose;
  tight.tolerance = 1e-7;
  CHECK_FALSE(check_changed(scaled, tight).passed);
  GradientCheckOptions unresolved;
  unresolved.coarsest = 1e-30;  // no difference is as fine as that
  CHECK_FALSE(check_changed([](Control<double>&) {}, unresolved).passed);
  GradientCheckOptions slope;
  slope.slope_tolerance = 0;
  CHECK_FALSE(check_changed([](Control<double>&) {}, slope).passed);
  GradientCheckOptions none;
  none.directions = 0;
  CHECK_THROWS_AS((void)check_changed([](Control<double>&) {}, none), InputError);
}

TEST_CASE("a gradient with a NaN is caught") {
  const GradientCheckReport report = check_changed([](Control<double>& g) { g.values()[0] = NAN; });
  CHECK_FALSE(report.passed);
}

TEST_CASE("a problem that is not finite cannot be checked") {
  SampleProblem p;
  OptimalControlProblem<double> problem = make_problem<double>(p, "explicit-euler");
  Control<double> u = make_control<double>(p);
  u.values()[0] = NAN;
  CHECK_THROWS_AS(check_gradient(problem, u, {}), NumericalError);
}

}  // namespace
}  // namespace turnpike::test
