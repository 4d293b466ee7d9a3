#include "turnpike/control.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "turnpike/error.hpp"
#include "turnpike/field.hpp"

namespace turnpike {
namespace {

TEST_CASE("a uniform grid reaches the horizon exactly") {
  const TimeGrid grid = TimeGrid::uniform(7, 2.1);
  CHECK(grid.intervals() == 7);
  CHECK(grid.horizon() == 2.1);
  CHECK(grid.node(0) == 0);
  for (Index k = 0; k < 7; ++k) {
    CHECK(grid.length(k) == doctest::Approx(0.3));
  }
}

TEST_CASE("grids that do not start at 0 or do not increase are refused") {
  CHECK_THROWS_AS(TimeGrid({0.1, 1.0}), InputError);
  CHECK_THROWS_AS(TimeGrid({0.0, 1.0, 1.0}), InputError);
  CHECK_THROWS_AS(TimeGrid({0.0, NAN}), InputError);
  CHECK_THROWS_AS(TimeGrid({0.0}), InputError);
  CHECK_THROWS_AS(TimeGrid::uniform(0, 1), InputError);
  CHECK_THROWS_AS(TimeGrid::uniform(3, 0), InputError);
  CHECK_THROWS_AS(TimeGrid::uniform(3, INFINITY), InputError);
}

TEST_CASE("named matrices are views of the flat control") {
  const auto field = make_two_layer_field<double>(2, 3, Activation::tanh);
  Control<double> u(field->layout(), 4);
  CHECK(u.layout().size() == 3 * 2 + 3 + 2 * 3 + 2);
  CHECK(u.size() == 4 * u.layout().size());
  u.matrix("A2", 1)(1, 2) = 5;
  CHECK(u.interval(1)[3 * 2 + 3 + 1 * 3 + 2] == 5);
  CHECK(control_norm(u, 1) == 5);
  CHECK(control_norm(u, 0) == 0);
}

}  // namespace
}  // namespace turnpike
