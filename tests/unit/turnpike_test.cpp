#include "turnpike/turnpike.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "turnpike/error.hpp"

namespace turnpike {
namespace {

using Values = std::vector<double>;

TEST_CASE("the entry is the start of the last stay, and what follows is the leaving arc") {
  const Stay plain = last_stay_below(Values{3, 2, 0.01, 0.02}, 0.05);
  CHECK(plain.entry == 2);
  CHECK_FALSE(plain.leaving.has_value());
  const Stay again = last_stay_below(Values{0.01, 2, 0.01, 0.02}, 0.05);
  CHECK(again.entry == 2);
  const Stay leaving = last_stay_below(Values{3, 0.01, 0.01, 0.7}, 0.05);
  CHECK(leaving.entry == 1);
  CHECK(leaving.leaving == 3);
  CHECK_FALSE(last_stay_below(Values{1, 2}, 0.05).entry.has_value());
  CHECK(last_stay_below(Values{0, 0}, 0.05).entry == 0);
}

TEST_CASE("quantiles are linear between order statistics") {
  CHECK(quantile({4, 1, 3, 2}, 0) == 1);
  CHECK(quantile({4, 1, 3, 2}, 1) == 4);
  CHECK(quantile({4, 1, 3, 2}, 0.5) == 2.5);
  CHECK(quantile({4, 1, 3, 2}, 0.1) == doctest::Approx(1.3));
}

TEST_CASE("a summary counts layers, samples and time as defined") {
  Measurement m;
  m.times = {0, 1, 2, 3};
  m.loss = {1, 0.5, 0.01, 0.01};
  m.distances = {{4, 4}, {2, 0}, {0, 0}, {0, 0.5}};
  m.products = {{8, 0}, {0, 0}, {0, 0}};  // on one line through the minimizer
  const TurnpikeSummary s = summarize_turnpike(m, m, 1);
  CHECK(s.by_loss.entry == 2);
  CHECK(s.by_distance.entry == 2);  // root mean squares 4, √2, 0, 0.35
  CHECK(s.layers_inside == 1);
  CHECK(s.measured_outside == 1.5);                             // 2 and 1 layers
  CHECK(s.theta_measure == doctest::Approx((1.5 + 0.75) / 2));  // 1 + 1/2, and 3/4
  CHECK(s.theta_measure_max == doctest::Approx(1.5));
  CHECK(s.final_mean_distance == 0.25);
  CHECK(s.final_max_distance == 0.5);
  CHECK_THROWS_AS(summarize_turnpike(m, m, 0), InputError);
  CHECK_THROWS_AS(summarize_turnpike(m, m, NAN), InputError);
}

}  // namespace
}  // namespace turnpike
