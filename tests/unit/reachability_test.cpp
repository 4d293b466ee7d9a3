#include "turnpike/reachability.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

namespace turnpike {
namespace {

double geometric_bound(double beta, double rho, double D, double gamma, double r) {
  return std::sqrt(2 / D) * beta * (1 / (1 - rho) + gamma) + r * beta * beta / (1 - rho * rho);
}

TEST_CASE("an exact geometric decay is its own envelope when no other has a lower V̂") {
  std::vector<double> distances;
  for (int k = 0; k < 60; ++k) {
    distances.push_back(3 * std::pow(0.6, k));
  }
  const Envelope e = geometric_envelope(distances, 8, 1.5, 0.01);
  CHECK(e.beta == doctest::Approx(3).epsilon(1e-5));
  CHECK(e.rho == doctest::Approx(0.6).epsilon(1e-5));
  CHECK(e.value_bound == doctest::Approx(geometric_bound(3, 0.6, 8, 1.5, 0.01)).epsilon(1e-6));
}

TEST_CASE("an envelope covers every distance, and no other on a fine grid has a lower V̂") {
  const std::vector<double> distances = {5, 4.2, 6, 2, 1, 0.3, 0.4, 0.05, 0, 0.02};
  const double D = 12;
  const double gamma = 3;
  const double r = 0.005;
  const Envelope e = geometric_envelope(distances, 12, gamma, r);
  for (std::size_t k = 0; k < distances.size(); ++k) {
    CHECK(distances[k] <= e.beta * std::pow(e.rho, static_cast<double>(k)));
  }
  CHECK(e.value_bound == doctest::Approx(geometric_bound(e.beta, e.rho, D, gamma, r)).epsilon(1e-9));
  for (double rho = 0.01; rho < 1; rho += 0.001) {
    double beta = 0;
    for (std::size_t k = 0; k < distances.size(); ++k) {
      beta = std::max(beta, distances[k] / std::pow(rho, static_cast<double>(k)));
    }
    CHECK(e.value_bound <= geometric_bound(beta, rho, D, gamma, r) * (1 + 1e-9));
  }
}

TEST_CASE("in time the rate takes the place of −log ρ") {
  std::vector<double> times;
  std::vector<double> distances;
  for (int k = 0; k < 50; ++k) {
    times.push_back(0.5 * k);
    distances.push_back(2 * std::exp(-0.7 * times.back()));
  }
  const Envelope e = exponential_envelope(times, distances, 4, 2, 0.1);
  CHECK(e.beta == doctest::Approx(2).epsilon(1e-5));
  CHECK(e.rho == doctest::Approx(0.7).epsilon(1e-5));
  CHECK(e.value_bound ==
        doctest::Approx(std::sqrt(0.5) * 2 * (1 / 0.7 + 2) + 0.1 * 4 / (2 * 0.7)).epsilon(1e-6));
}

TEST_CASE(
    "distances that are all 0 need no envelope; constant ones get a bound that grows with their number") {
  const Envelope none = geometric_envelope(std::vector<double>{0, 0, 0}, 4, 1, 0.1);
  CHECK(none.beta == 0);
  CHECK(none.value_bound == 0);
  const double few = geometric_envelope(std::vector<double>(10, 1.0), 4, 1, 0.1).value_bound;
  const double many = geometric_envelope(std::vector<double>(100, 1.0), 4, 1, 0.1).value_bound;
  CHECK(many > 5 * few);
  CHECK(std::isfinite(many));
}

}  // namespace
}  // namespace turnpike
