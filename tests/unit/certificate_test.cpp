#include "turnpike/certificate.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "diagnostics/path.hpp"
#include "turnpike/error.hpp"

namespace turnpike {
namespace {

TEST_CASE("the share of a segment outside a ball is exact") {
  // From (3, 0) to (0, 0): outside 1 for two thirds.
  CHECK(share_outside(9, 0, 0, 1) == doctest::Approx(2.0 / 3).epsilon(1e-15));
  CHECK(share_outside(0, 0, 9, 1) == doctest::Approx(2.0 / 3).epsilon(1e-15));
  // From (−2, 0) to (2, 0), through the ball: inside for half of it.
  CHECK(share_outside(4, -4, 4, 1) == doctest::Approx(0.5).epsilon(1e-15));
  // From (−2, 1) to (2, 1), touching it, and (−2, 2) to (2, 2), past it.
  CHECK(share_outside(5, -3, 5, 1) == 1);
  CHECK(share_outside(8, 0, 8, 1) == 1);
  CHECK(share_outside(0.5, 0.2, 0.9, 1) == 0);
  CHECK(share_outside(1, 1, 1, 1) == 0);  // at ε counts as inside
  CHECK(share_outside(4, 4, 4, 1) == 1);
  CHECK(share_outside(0, 0, 0, -1) == 1);  // the control alone is farther than ε
}

/// Two samples of one component around the target 0 at three nodes: distances 2, 0.5, 0 and 1, 1, 0.
Measurement line_measurement() {
  Measurement m;
  m.times = {0, 1, 2};
  m.loss = {2.5, 0.625, 0};
  m.distances = {{2, 1}, {0.5, 1}, {0, 0}};
  m.losses = {{4, 1}, {0.25, 1}, {0, 0}};
  m.products = {{1, 1}, {0, 0}};
  return m;
}

TEST_CASE("a certificate of the quadratic cost by hand") {
  const auto minimizers = quadratic_minimizers(State<double>::Zero(1, 1));
  const Measurement m = line_measurement();
  const std::vector<double> norms = {3, 0};
  const std::vector<double> levels = {1};
  const Certificate c = certify(m, m, norms, 0.5, *minimizers, levels).front();
  const auto near = [](double value) { return doctest::Approx(value).epsilon(1e-8); };
  CHECK(c.sample.alpha == near(1));
  CHECK(c.sample.alpha < 1);
  CHECK(c.sample.layers.measured == 0.5);                // the first sample at t = 0
  CHECK(c.sample.layers.sharp == near((1.25 + 2) / 2));  // min(1, 4) + 0.25 and 1 + 1
  CHECK(c.sample.layers.plain == near((4.25 + 2) / 2));
  CHECK(c.sample.time.measured == near(1.0 / 3));  // from 2 to 0.5 in one unit of time: until 2/3, one of two
  CHECK(c.sample.time.plain == near((2.125 + 0.125 + 1 + 0.5) / 2));
  // min(1, L), L from 4 to 0.25: 1 until 0.8, then 0.2 · 0.625.
  CHECK(c.sample.time.sharp == near((0.8 + 0.125 + 0.125 + 1 + 0.5) / 2));
  // Root mean squares √2.5, √0.625, 0; stacked √5, √1.25, 0; for s², both bounds are the mean loss over ε².
  CHECK(c.root_mean_square.layers.measured == 1);
  CHECK(c.root_mean_square.layers.plain == near(2.5 + 0.625));
  CHECK(c.stacked.layers.measured == 2);
  CHECK(c.stacked.alpha == near(0.5));
  CHECK(c.stacked.layers.sharp == near(2));
  // ‖u_0‖ = 3 puts the first interval outside for all its time, and costs 4.5.
  CHECK(c.root_mean_square_with_control.alpha == near(0.5));
  CHECK(c.root_mean_square_with_control.layers.plain == near((2.5 + 4.5 + 0.625) / 0.5));
  CHECK(c.root_mean_square_with_control.time.measured == near(1));
  CHECK(c.stacked_with_control.layers.measured == 2);
}

TEST_CASE("without a cost of the control nothing bounds the distance that holds it") {
  const auto minimizers = quadratic_minimizers(State<double>::Zero(1, 1));
  const Measurement m = line_measurement();
  const Certificate c =
      certify(m, m, std::vector<double>{3, 0}, 0, *minimizers, std::vector<double>{1}).front();
  CHECK(std::isinf(c.stacked_with_control.layers.plain));
  CHECK(c.stacked_with_control.layers.sharp == doctest::Approx(2));
}

TEST_CASE("a level must be finite and above 0") {
  const auto minimizers = quadratic_minimizers(State<double>::Zero(1, 1));
  const Measurement m = line_measurement();
  const std::vector<double> norms = {3, 0};
  for (const double level : {0.0, -1.0, double(NAN), double(INFINITY)}) {
    CHECK_THROWS_AS(certify(m, m, norms, 0, *minimizers, std::vector<double>{level}), InputError);
  }
}

}  // namespace
}  // namespace turnpike
