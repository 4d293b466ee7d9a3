#include "turnpike/geometry.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "turnpike/error.hpp"

namespace turnpike {
namespace {

TEST_CASE("α* meets the reference values to six digits") {
  struct Case {
    Index classes;
    double p_d;
    double at_one;
    double at_two;
  };
  for (const Case& c : {Case{2, 0.95, 0.0321318, 0.0932341}, Case{3, 0.8, 0.0441933, 0.1416553},
                        Case{10, 0.91, 0.00381346, 0.0119131}, Case{100, 0.9, 0.000372786, 0.00115182}}) {
    const SoftCrossEntropyGeometry geometry(c.classes, c.p_d);
    CAPTURE(c.classes);
    CHECK(geometry.sharp_bound(1) == doctest::Approx(c.at_one).epsilon(2e-6));
    CHECK(geometry.sharp_bound(2) == doctest::Approx(c.at_two).epsilon(5e-6));
  }
}

TEST_CASE("α* is 0 at 0 and increases") {
  const SoftCrossEntropyGeometry geometry(5, 0.9);
  CHECK(geometry.sharp_bound(0) == doctest::Approx(0).epsilon(1e-15));
  double before = 0;
  for (double s = 0.01; s < 6; s *= 1.3) {
    const double here = geometry.sharp_bound(s);
    CHECK(here > before);
    before = here;
  }
}

TEST_CASE("δ and the minimizer follow Lemma 3") {
  const SoftCrossEntropyGeometry geometry(2, 0.95);
  CHECK(geometry.delta() == doctest::Approx(-std::log(19.0)));
  const std::vector<double> x = geometry.minimizer(1);
  CHECK(x[1] == doctest::Approx(std::log(19.0) / 2));
  CHECK(x[0] + x[1] == doctest::Approx(0));
  CHECK(geometry.loss(x, 1) == doctest::Approx(0).epsilon(1e-15));
}

TEST_CASE("the closed bound is continuous with the slope λ at 1") {
  const SoftCrossEntropyGeometry geometry(2, 0.95);
  const double lambda = geometry.curvature_bound();
  CHECK(lambda == doctest::Approx(0.05 * std::exp(-std::sqrt(2.0))));
  CHECK(geometry.closed_bound(1) == doctest::Approx(lambda / 2));
  CHECK(geometry.closed_bound(3) == doctest::Approx(2.5 * lambda));
}

TEST_CASE("parameters out of range are refused") {
  CHECK_THROWS_AS(SoftCrossEntropyGeometry(1, 0.9), InputError);
  CHECK_THROWS_AS(SoftCrossEntropyGeometry(4, 0.25), InputError);
  CHECK_THROWS_AS(SoftCrossEntropyGeometry(4, 1), InputError);
  CHECK_THROWS_AS(SoftCrossEntropyGeometry(4, NAN), InputError);
}

}  // namespace
}  // namespace turnpike
