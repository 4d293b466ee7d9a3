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

/// Smooth problems whose controls jump twice, so that only steps that end at the jumps keep the order.
/// Several, because the leading error of a single one can pass through zero near the steps that are tried.
constexpr unsigned problems = 6;

SampleProblem smooth_problem(Index substeps, unsigned seed, double control_size) {
  SampleProblem p;
  p.grid = TimeGrid({0.0, 0.5, 1.25, 2.0});
  p.substeps = substeps;
  p.control_size = control_size;
  p.seed = seed;
  return p;
}

std::vector<Outcome> solve(const std::string& name, Index substeps, double control_size) {
  std::vector<Outcome> outcomes;
  for (unsigned seed = 1; seed <= problems; ++seed) {
    const SampleProblem p = smooth_problem(substeps, seed, control_size);
    OptimalControlProblem<double> problem = make_problem<double>(p, name);
    const Control<double> u = make_control<double>(p);
    Control<double> gradient = problem.zero_control();
    Outcome outcome;
    outcome.cost = problem.value_and_gradient(u, gradient).total();
    IntegrationStatus status;
    outcome.state = problem.states(u, status).back();
    REQUIRE(status.ok());
    outcome.gradient.assign(gradient.values().begin(), gradient.values().end());
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

/// Root sums of squares over the problems.
struct Errors {
  double state = 0;
  double cost = 0;
  double gradient = 0;
};

Errors errors_of(const std::vector<Outcome>& outcomes, const std::vector<Outcome>& reference) {
  Errors e;
  for (std::size_t k = 0; k < outcomes.size(); ++k) {
    e.state += (outcomes[k].state - reference[k].state).squaredNorm();
    e.cost += std::pow(outcomes[k].cost - reference[k].cost, 2);
    for (std::size_t i = 0; i < outcomes[k].gradient.size(); ++i) {
      e.gradient += std::pow(outcomes[k].gradient[i] - reference[k].gradient[i], 2);
    }
  }
  return {std::sqrt(e.state), std::sqrt(e.cost), std::sqrt(e.gradient)};
}

TEST_CASE("two schemes agree on the reference to 1e-11") {
  const Errors apart = errors_of(solve("rk4", 2000, 1.2), solve("fehlberg78", 150, 1.2));
  CHECK(apart.state <= 1e-11);
  CHECK(apart.cost <= 1e-12);
  CHECK(apart.gradient <= 1e-11);
}

TEST_CASE("a scheme of order 3 or more integrates a quadratic running cost exactly") {
  // With A₂ = 0 and b₂ ≠ 0 the two-layer field is constant in x, so that x is linear and ‖x − x̄‖² quadratic
  // in t: the weights of order 3 and above leave no error.
  for (const std::string& name : fixed_step_names()) {
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
