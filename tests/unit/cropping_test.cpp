#include "turnpike/cropping.hpp"

#include <doctest/doctest.h>

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

}  // namespace
}  // namespace turnpike
