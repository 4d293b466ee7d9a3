#include "turnpike/two_spirals.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

#include "turnpike/error.hpp"

namespace turnpike {
namespace {

TEST_CASE("the defaults are the curves of Lang and Witbrock at 240 points a class") {
  const Dataset<double> data = two_spirals({});
  REQUIRE(data.size() == 480);
  for (Index d = 0; d < 240; ++d) {
    const double i = 96.0 * static_cast<double>(d) / 239;
    const double phi = i * std::numbers::pi / 16;
    const double R = 6.5 * (104 - i) / 104;
    CHECK(data.features(0, d) == doctest::Approx(R * std::sin(phi)).epsilon(1e-12));
    CHECK(data.features(1, d) == doctest::Approx(R * std::cos(phi)).epsilon(1e-12));
    CHECK(data.features(0, 240 + d) == doctest::Approx(-R * std::sin(phi)).epsilon(1e-12));
    CHECK(data.labels[static_cast<std::size_t>(d)] == 0);
    CHECK(data.labels[static_cast<std::size_t>(240 + d)] == 1);
  }
}

TEST_CASE("no coordinate is a negative zero") {
  const Dataset<double> data = two_spirals({.per_class = 7});
  for (Index i = 0; i < data.features.size(); ++i) {
    CHECK_FALSE((data.features.data()[i] == 0 && std::signbit(data.features.data()[i])));
  }
}

TEST_CASE("test samples lie between the training samples") {
  const Dataset<double> train = two_spirals({.per_class = 50});
  const Dataset<double> test = two_spirals_test({.per_class = 50});
  REQUIRE(test.size() == 98);
  for (Index d = 0; d < 49; ++d) {
    const double to_neighbour = (test.features.col(d) - train.features.col(d)).norm();
    const double apart = (train.features.col(d + 1) - train.features.col(d)).norm();
    CHECK(to_neighbour < apart);
    CHECK(to_neighbour > 0.3 * apart);
  }
}

TEST_CASE("noise is seeded") {
  const Dataset<double> a = two_spirals({.noise = 0.1, .seed = 3});
  CHECK(a.features == two_spirals({.noise = 0.1, .seed = 3}).features);
  CHECK(a.features != two_spirals({.noise = 0.1, .seed = 4}).features);
  CHECK((a.features - two_spirals({}).features).norm() / std::sqrt(960.0) ==
        doctest::Approx(0.1).epsilon(0.1));
}

TEST_CASE("options out of range are refused") {
  CHECK_THROWS_AS(two_spirals({.per_class = 1}), InputError);
  CHECK_THROWS_AS(two_spirals({.turns = 0}), InputError);
  CHECK_THROWS_AS(two_spirals({.scale = -1}), InputError);
  CHECK_THROWS_AS(two_spirals({.noise = NAN}), InputError);
}

}  // namespace
}  // namespace turnpike
