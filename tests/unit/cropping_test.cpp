#include "turnpike/cropping.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

namespace turnpike {
namespace {

TEST_CASE("the fewest layers that suffice keep the accuracy of both splits within the tolerance") {
  const std::vector<double> train = {0.1, 0.9, 0.9799, 0.9802, 0.98};
  const std::vector<double> test = {0.1, 0.97, 0.955, 0.959, 0.96};
  const Cropping c = find_cropping(train, test);
  CHECK(c.depth == 3);
  CHECK(c.layers == 4);
  CHECK(c.text() == "The layers after 3 of 4 can go: train accuracy +0.02 %, test −0.10 %.");
  CHECK(find_cropping(train, {}).text() == "The layers after 2 of 4 can go: train accuracy −0.01 %.");
}

TEST_CASE("a network of which no layer can go says so, and one that does nothing needs none") {
  const std::vector<double> rising = {0.1, 0.5, 0.9};
  CHECK(find_cropping(rising, {}).depth == 2);
  CHECK(find_cropping(rising, {}).text() ==
        "All 2 layers are needed: with fewer, accuracy falls by more than 0.1 %.");
  const std::vector<double> still = {0.5, 0.5};
  CHECK(find_cropping(still, still).text() ==
        "The layers after 0 of 1 can go: train accuracy ±0.00 %, test ±0.00 %.");
}

TEST_CASE("the certified depth is the first at which both shares are within the tolerance") {
  const std::vector<double> train = {0, 0.5, 0.9991, 0.9995, 1};
  const std::vector<double> test = {0, 0.99, 0.98, 0.999, 1};
  CHECK(find_certified_depth(train, test) == 3);
  CHECK(find_certified_depth(train, {}) == 2);
  CHECK(find_certified_depth(train, test, 0.5) == 1);
  CHECK(find_certified_depth(train, test, 0) == 4);
  Cropping c = find_cropping(std::vector<double>{0.1, 0.9, 0.9}, {}, 0.01);
  c.certified_depth = 1;
  CHECK(c.text() ==
        "The layers after 1 of 2 can go: train accuracy ±0.00 %. It is proved that the layers after 1 change "
        "the class of at most 1 % of them.");
  c.certified_depth = 2;
  CHECK(c.text() == "The layers after 1 of 2 can go: train accuracy ±0.00 %.");
}

TEST_CASE("the first intervals keep controls and nodes to the bit") {
  Control<double> u(ControlLayout({{.name = "A", .rows = 1, .columns = 2}}), 3);
  for (std::size_t i = 0; i < 6; ++i) {
    u.values()[i] = static_cast<double>(i) / 3;
  }
  const Control<double> shorter = first_intervals(u, 2);
  CHECK(shorter.intervals() == 2);
  CHECK(std::equal(shorter.values().begin(), shorter.values().end(), u.values().begin()));
  const TimeGrid grid = TimeGrid::uniform(30, 10);
  const TimeGrid first = first_intervals(grid, 7);
  CHECK(first.intervals() == 7);
  for (Index k = 0; k <= 7; ++k) {
    CHECK(first.node(k) == grid.node(k));
  }
  // Equal intervals over the same time round to other nodes.
  CHECK(TimeGrid::uniform(7, grid.node(7)).nodes() != first.nodes());
}

}  // namespace
}  // namespace turnpike
