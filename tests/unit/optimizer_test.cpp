#include "turnpike/optimizer.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <span>

namespace turnpike {
namespace {

TEST_CASE("Adam follows its formulas") {
  Optimizer<double> adam({.kind = OptimizerKind::adam, .weight_decay = 0.1}, 1);
  std::array<double, 1> u = {2};
  double expected = 2;
  double m = 0;
  double v = 0;
  for (int step = 1; step <= 5; ++step) {
    const double raw = std::sin(step);
    const std::array<double, 1> g = {raw};
    adam.step(u, g, 0.01, 0.5);
    const double gradient = 0.5 * raw + 0.1 * expected;
    m = 0.9 * m + 0.1 * gradient;
    v = 0.999 * v + 0.001 * gradient * gradient;
    expected -= 0.01 * (m / (1 - std::pow(0.9, step))) / (std::sqrt(v / (1 - std::pow(0.999, step))) + 1e-8);
    CHECK(u[0] == doctest::Approx(expected).epsilon(1e-13));
  }
  CHECK(adam.steps() == 5);
}

TEST_CASE("updates piece by piece, into another place or u's own, are those of one step") {
  for (const OptimizerKind kind : {OptimizerKind::adam, OptimizerKind::adamw, OptimizerKind::sgd}) {
    const OptimizerOptions options{.kind = kind, .weight_decay = 0.1};
    Optimizer<float> whole(options, 50);
    Optimizer<float> pieces(options, 50);
    std::array<float, 50> u{};
    std::array<float, 50> g{};
    for (std::size_t i = 0; i < u.size(); ++i) {
      u[i] = std::sin(static_cast<float>(i));
      g[i] = std::cos(static_cast<float>(i));
    }
    std::array<float, 50> expected = u;
    whole.step(expected, g, 0.01, 0.5);
    const std::array<float, 50> before = u;
    std::array<float, 50> updated = g;
    pieces.begin_step(0.01, 0.5);
    pieces.update(20, std::span<const float>(updated).subspan(20), u, updated);  // over the gradient itself
    pieces.update(0, std::span<const float>(g).first(20), u, updated);
    CHECK(updated == expected);
    CHECK(u == before);
  }
}

TEST_CASE("AdamW decays the control itself") {
  Optimizer<double> adamw({.kind = OptimizerKind::adamw, .weight_decay = 0.1}, 1);
  std::array<double, 1> u = {2};
  const std::array<double, 1> g = {0};
  adamw.step(u, g, 0.01);
  CHECK(u[0] == doctest::Approx(2 * (1 - 0.01 * 0.1)).epsilon(1e-15));
}

TEST_CASE("gradient descent takes a step along the scaled gradient") {
  Optimizer<double> sgd({.kind = OptimizerKind::sgd}, 2);
  std::array<double, 2> u = {1, 1};
  const std::array<double, 2> g = {4, -2};
  sgd.step(u, g, 0.1, 0.5);
  CHECK(u[0] == doctest::Approx(0.8));
  CHECK(u[1] == doctest::Approx(1.1));
}

TEST_CASE("the schedules warm up linearly and then fall as named") {
  LearningRate rate{.rate = 2, .schedule = Schedule::cosine, .warmup = 4, .total = 14};
  CHECK(rate.at(0) == doctest::Approx(0.5));
  CHECK(rate.at(3) == doctest::Approx(2));
  CHECK(rate.at(9) == doctest::Approx(1));
  CHECK(rate.at(13) < 0.1);
  CHECK(rate.at(13) > 0);
  rate.schedule = Schedule::constant;
  CHECK(rate.at(13) == 2);
  rate.schedule = Schedule::step;
  rate.period = 5;
  rate.factor = 0.1;
  CHECK(rate.at(8) == 2);
  CHECK(rate.at(9) == doctest::Approx(0.2));
}

}  // namespace
}  // namespace turnpike
