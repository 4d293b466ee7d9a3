#include "turnpike/dissipativity.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "turnpike/error.hpp"

namespace turnpike {
namespace {

TEST_CASE(
    "Table 1: the quadratic and the soft cross-entropy cost are strictly dissipative, the plain one is not") {
  const std::vector<StageCostRow> rows = table_1(4, 0.9, 20000, 7);
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].strict);
  CHECK_FALSE(rows[1].strict);
  CHECK(rows[2].strict);
  CHECK(rows[2].least_slack >= 0);
  // The witness: losses that fall towards 0 while the states leave every bounded set.
  REQUIRE(rows[1].witness.size() > 3);
  for (std::size_t i = 1; i < rows[1].witness.size(); ++i) {
    CHECK(rows[1].witness[i].s > rows[1].witness[i - 1].s);
    CHECK(rows[1].witness[i].loss < rows[1].witness[i - 1].loss);
    CHECK(rows[1].witness[i].loss > 0);
  }
  CHECK(rows[1].witness.front().loss == doctest::Approx(std::log(4.0)));
  CHECK(rows[1].witness.back().loss < 1e-200);
  CHECK_THROWS_AS(table_1(4, 0.2, 10, 1), InputError);
}

TEST_CASE("the slack is what the loss leaves above α*") {
  const auto minimizers = soft_cross_entropy_minimizers(2, 0.95);
  Measurement m;
  m.times = {0, 1};
  m.distances = {{0, 1.5}, {3, 0.2}};
  m.losses = {{0, 1}, {2, 0.1}};
  const DissipationSlack slack = dissipation_slack(m, *minimizers);
  const double first = 1 - minimizers->bound(1.5);
  CHECK(slack.least[0] == doctest::Approx(0).epsilon(1e-15));
  CHECK(slack.mean[0] == doctest::Approx(first / 2));
  CHECK(slack.least[1] == doctest::Approx(0.1 - minimizers->bound(0.2)));
}

}  // namespace
}  // namespace turnpike
