#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "registered_problem.hpp"

namespace turnpike::test {
namespace {

struct Outcome {
  State<double> state;
  double cost = 0;
  std::vector<double> gradient;
};

/// A smooth problem whose control jumps twice, so that only steps that end at the jumps keep the order.
SampleProblem smooth_problem(Index substeps) {
  SampleProblem p;
  p.grid = TimeGrid({0.0, 0.5, 1.25, 2.0});
  p.substeps = substeps;
  p.control_size = 1.2;
  p.seed = 7;
  return p;
}

Outcome solve(const std::string& name, Index substeps) {
  const SampleProblem p = smooth_problem(substeps);
  OptimalControlProblem<double> problem = make_problem<double>(p, name);
  const Control<double> u = make_control<double>(p);
  Control<double> gradient = problem.zero_control();
  Outcome outcome;
  outcome.cost = problem.value_and_gradient(u, gradient).total();
  IntegrationStatus status;
  outcome.state = problem.states(u, status).back();
  REQUIRE(status.ok());
  outcome.gradient.assign(gradient.values().begin(), gradient.values().end());
  return outcome;
}

/// The slope of log error over log h, by least squares.
double slope(const std::vector<double>& errors) {
  double mean_x = 0;
  double mean_y = 0;
  const auto n = static_cast<double>(errors.size());
  for (std::size_t i = 0; i < errors.size(); ++i) {
    mean_x -= static_cast<double>(i) / n;
    mean_y += std::log2(errors[i]) / n;
  }
  double xy = 0;
  double xx = 0;
  for (std::size_t i = 0; i < errors.size(); ++i) {
    const double x = -static_cast<double>(i) - mean_x;
    xy += x * (std::log2(errors[i]) - mean_y);
    xx += x * x;
  }
  return xy / xx;
}

TEST_CASE("state, cost and gradient of every scheme have its order, although the control jumps") {
  const Outcome reference = solve("fehlberg78", 200);
  const IntegratorRegistry registry = builtin_integrators();
  for (const std::string& name : registry.names()) {
    const int order = registry.find(name).traits.order;
    // First steps small enough for the asymptotic regime, last errors well above rounding.
    const Index first = order == 1   ? 256
                        : order == 2 ? 64
                        : order == 3 ? 32
                        : order == 4 ? 24
                        : order == 5 ? 12
                                     : 4;
    std::vector<double> state;
    std::vector<double> cost;
    std::vector<double> gradient;
    for (const Index substeps : {first, 2 * first, 4 * first}) {
      const Outcome outcome = solve(name, substeps);
      state.push_back((outcome.state - reference.state).norm());
      cost.push_back(std::abs(outcome.cost - reference.cost));
      double sum = 0;
      for (std::size_t i = 0; i < outcome.gradient.size(); ++i) {
        sum += std::pow(outcome.gradient[i] - reference.gradient[i], 2);
      }
      gradient.push_back(std::sqrt(sum));
    }
    CAPTURE(name);
    CHECK(std::abs(slope(state) - order) <= 0.1);
    CHECK(std::abs(slope(cost) - order) <= 0.1);
    CHECK(std::abs(slope(gradient) - order) <= 0.1);
    MESSAGE(name, ": order ", order, ", observed state ", slope(state), ", cost ", slope(cost), ", gradient ",
            slope(gradient));
  }
}

TEST_CASE("a scheme of order 3 or more integrates a quadratic running cost exactly") {
  // With A₂ = 0 and b₂ ≠ 0 the two-layer field is constant in x, so that x is linear and ‖x − x̄‖² quadratic
  // in t: the weights of order 3 and above leave no error.
  for (const std::string& name : builtin_integrators().names()) {
    const int order = builtin_integrators().find(name).traits.order;
    SampleProblem p;
    p.running = p.terminal = CostKind::quadratic;
    Control<double> u(make_field<double>(p)->layout(), p.grid.intervals());
    for (Index k = 0; k < u.intervals(); ++k) {
      u.matrix("b2", k).setConstant(0.5 * static_cast<double>(k + 1));
    }
    const double coarse = make_problem<double>(p, name).value(u).running;
    p.substeps = 64;
    const double fine = make_problem<double>(p, name).value(u).running;
    CAPTURE(name);
    if (order < 3) {
      CHECK(std::abs(coarse - fine) > 1e-3);
    } else {
      CHECK(coarse == doctest::Approx(fine).epsilon(1e-13));
    }
  }
}

}  // namespace
}  // namespace turnpike::test
