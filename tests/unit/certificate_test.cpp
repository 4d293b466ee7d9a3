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

TEST_CASE("a state that stays where the loss is the least bound is certified, and with a smaller loss not") {
  const auto minimizers = quadratic_minimizers(State<double>::Zero(1, 1));
  const auto certificate_with = [&](double share) {
    Measurement m;
    m.times = {0, 0.7, 2};
    const double distance = 1 + 1e-7;
    m.distances.assign(3, {distance});
    m.losses.assign(3, {share * minimizers->bound(distance)});
    m.products.assign(2, {distance * distance});
    return certify(m, m, std::vector<double>{0, 0}, 1, *minimizers, std::vector<double>{1}).front();
  };
  const Certificate held = certificate_with(1);
  CHECK(held.sample.layers.measured <= held.sample.layers.sharp);
  CHECK(held.sample.time.measured <= held.sample.time.sharp);
  const Certificate smaller = certificate_with(1 - 1e-6);
  CHECK(smaller.sample.layers.measured > smaller.sample.layers.sharp);
  CHECK(smaller.sample.time.measured > smaller.sample.time.sharp);
}

TEST_CASE("a path that crosses ε in steps near rounding is not measured outside its certificate") {
  const auto minimizers = quadratic_minimizers(State<double>::Zero(1, 1));
  for (int i = 0; i < 2000; ++i) {
    const double size = std::pow(10.0, -16 + 0.008 * i);
    const double begin = 1 - size * (0.1 + 0.8 * (i % 7) / 7);
    const double end = begin + size;
    Measurement m;
    m.times = {0, 1};
    m.distances = {{begin}, {end}};
    m.losses = {{begin * begin}, {end * end}};
    m.products = {{begin * end}};
    const Certificate c =
        certify(m, m, std::vector<double>{0}, 1, *minimizers, std::vector<double>{1}).front();
    CAPTURE(size);
    CHECK(c.sample.time.measured <= c.sample.time.sharp);
    CHECK(c.sample.time.sharp <= c.sample.time.plain);
  }
}

TEST_CASE("measurements and norms whose sizes do not fit are refused") {
  const auto minimizers = quadratic_minimizers(State<double>::Zero(1, 1));
  const Measurement m = line_measurement();
  const std::vector<double> norms = {3, 0};
  const std::vector<double> levels = {1};
  const auto refused = [&](const Measurement& nodes, const Measurement& dense, const std::vector<double>& of,
                           const char* fragment) {
    CHECK_THROWS_WITH_AS((void)certify(nodes, dense, of, 0, *minimizers, levels), doctest::Contains(fragment),
                         InputError);
  };
  Measurement single;
  single.times = {0};
  single.distances = {{1}};
  single.losses = {{1}};
  refused(single, m, norms, "has 1 times");
  refused({}, m, norms, "has 0 times");
  refused(m, m, {3}, "there are 1 of 2 intervals");
  Measurement longer = m;
  longer.times.push_back(3);
  longer.distances.push_back({0, 0});
  longer.losses.push_back({0, 0});
  longer.products.push_back({0, 0});
  refused(m, longer, norms, "4 times stand beside 3 nodes");
  Measurement ragged = m;
  ragged.losses[1].pop_back();
  refused(m, ragged, norms, "other sizes");
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
