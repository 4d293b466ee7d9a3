#include "turnpike/geometry.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <utility>

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

TEST_CASE("λ_Ω meets values of a local search with random starts") {
  struct Case {
    Index classes;
    double p_d;
    double curvature;
  };
  for (const Case& c :
       {Case{2, 0.95, 0.02494868280}, Case{3, 0.8, 0.03421566226}, Case{5, 0.9, 0.007260759061},
        Case{10, 0.91, 0.002698290051}, Case{20, 0.9, 0.001385629202}, Case{10, 0.15, 0.03748803377}}) {
    CAPTURE(c.classes);
    const SoftCrossEntropyGeometry geometry(c.classes, c.p_d);
    CHECK(geometry.curvature() == doctest::Approx(c.curvature).epsilon(1e-8));
    CHECK(geometry.curvature() > geometry.curvature_bound());
  }
}

TEST_CASE("the tangent bound lies between the closed bound and α*") {
  for (const Index classes : {2, 3, 10, 40}) {
    const SoftCrossEntropyGeometry geometry(classes, 0.9);
    for (const double s : {0.01, 0.3, 0.999, 1.0, 1.001, 2.0, 7.0, 60.0}) {
      CAPTURE(s);
      CHECK(geometry.tangent_bound(s) <= geometry.sharp_bound(s) * (1 + 1e-12));
      CHECK(geometry.tangent_bound(s) >= geometry.closed_bound(s));
    }
  }
}

TEST_CASE("where rounding eats the search, α* and λ_Ω are still not below their closed bounds") {
  for (const Index C : {2, 3, 10}) {
    const SoftCrossEntropyGeometry geometry(C, 1 - 1e-15);
    CHECK(geometry.curvature() >= geometry.curvature_bound());
    for (const double s : {0.01, 0.5, 2.0}) {
      CHECK(geometry.sharp_bound(s) >= geometry.closed_bound(s));
    }
  }
}

TEST_CASE("the slope of α* is its derivative") {
  const SoftCrossEntropyGeometry geometry(6, 0.85);
  for (const double s : {0.05, 0.7, 1.0, 3.0, 12.0}) {
    const double h = 1e-5 * s;
    const double difference = (geometry.sharp_bound(s + h) - geometry.sharp_bound(s - h)) / (2 * h);
    CHECK(geometry.sharp_minimum(s).slope == doctest::Approx(difference).epsilon(1e-6));
  }
}

TEST_CASE(
    "the table of α* gives its values, across every jump of the minimizing direction and beyond its end") {
  for (const auto& [classes, p_d] : {std::pair<Index, double>{2, 0.95}, {3, 0.8}, {10, 0.91}, {7, 0.2}}) {
    const SoftCrossEntropyGeometry geometry(classes, p_d);
    const SharpBoundTable table(geometry, 30);
    double worst = 0;
    for (double s = 0; s < 40; s += 0.0137) {
      const double exact = geometry.sharp_bound(s);
      worst = std::max(worst, std::abs(table(s) - exact) / std::max(0.1, exact));
    }
    CAPTURE(classes);
    CHECK(worst <= (classes == 2 ? 1e-15 : 2e-11));
  }
}

TEST_CASE("parameters out of range are refused") {
  CHECK_THROWS_AS(SoftCrossEntropyGeometry(1, 0.9), InputError);
  CHECK_THROWS_AS(SoftCrossEntropyGeometry(4, 0.25), InputError);
  CHECK_THROWS_AS(SoftCrossEntropyGeometry(4, 1), InputError);
  CHECK_THROWS_AS(SoftCrossEntropyGeometry(4, NAN), InputError);
}

}  // namespace
}  // namespace turnpike
