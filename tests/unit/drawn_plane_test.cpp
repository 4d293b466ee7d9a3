#include "io/drawn_plane.hpp"

#include <doctest/doctest.h>

#include <array>

namespace turnpike {
namespace {

TEST_CASE("two classes, or data in a plane, are drawn in their first two components") {
  for (const auto& plane : {drawn_plane({3, 1}, 10), drawn_plane({3, 1, 2}, 2)}) {
    CHECK(plane.components);
    CHECK(plane.x_name == "x4");
    CHECK(plane.y_name == "x2");
    const DrawnPlane::Point p = plane.place(std::array{5.0, 7.0});
    CHECK(p.x == 5);
    CHECK(p.y == 7);
  }
}

TEST_CASE("several classes have directions of their own, and adding a constant moves nothing") {
  const DrawnPlane plane = drawn_plane({0, 1, 2, 3}, 784);
  CHECK_FALSE(plane.components);
  const DrawnPlane::Point p = plane.place(std::array{0.0, 3.0, 0.0, 0.0});
  CHECK(p.x == doctest::Approx(0));
  CHECK(p.y == doctest::Approx(3));
  const DrawnPlane::Point moved = plane.place(std::array{10.0, 13.0, 10.0, 10.0});
  CHECK(moved.x == doctest::Approx(0));
  CHECK(moved.y == doctest::Approx(3));
}

}  // namespace
}  // namespace turnpike
