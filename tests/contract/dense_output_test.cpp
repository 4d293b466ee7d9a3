#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "registered_problem.hpp"

namespace turnpike::test {
namespace {

constexpr Index points = 5;

/// The states of `p` under `name`, at `points` times an interval.
std::vector<State<double>> dense(const SampleProblem& p, const std::string& name) {
  OptimalControlProblem<double> problem = make_problem<double>(p, name);
  IntegrationStatus status;
  std::vector<State<double>> states = problem.states(make_control<double>(p), status, points);
  REQUIRE(status.ok());
  REQUIRE(static_cast<Index>(states.size()) == p.grid.intervals() * points + 1);
  return states;
}

/// The same, at the ends of 5 times as many intervals of small steps.
std::vector<State<double>> reference(SampleProblem p) {
  const Control<double> coarse = make_control<double>(p);
  std::vector<double> nodes;
  for (Index k = 0; k < p.grid.intervals(); ++k) {
    for (Index j = 0; j < points; ++j) {
      nodes.push_back(p.grid.node(k) + p.grid.length(k) * static_cast<double>(j) / points);
    }
  }
  nodes.push_back(p.grid.node(p.grid.intervals()));
  p.grid = TimeGrid(nodes);
  p.substeps = 20;
  Control<double> u(coarse.layout(), p.grid.intervals());
  for (Index k = 0; k < u.intervals(); ++k) {
    std::copy_n(coarse.interval(k / points), u.layout().size(), u.interval(k));
  }
  OptimalControlProblem<double> problem = make_problem<double>(p, "fehlberg78");
  IntegrationStatus status;
  std::vector<State<double>> states = problem.states(u, status);
  REQUIRE(status.ok());
  return states;
}

double largest_difference(const std::vector<State<double>>& a, const std::vector<State<double>>& b) {
  double largest = 0;
  for (std::size_t j = 0; j < a.size(); ++j) {
    largest = std::max(largest, (a[j] - b[j]).cwiseAbs().maxCoeff());
  }
  return largest;
}

TEST_CASE("dense output passes through the nodes, whatever the scheme") {
  const SampleProblem p;
  for (const std::string& name : registered_names<double>()) {
    const std::vector<State<double>> states = dense(p, name);
    OptimalControlProblem<double> problem = make_problem<double>(p, name);
    IntegrationStatus status;
    const std::vector<State<double>> nodes = problem.states(make_control<double>(p), status);
    CAPTURE(name);
    for (std::size_t k = 0; k < nodes.size(); ++k) {
      CHECK(same_bits(states[k * points], nodes[k]));
    }
  }
}

TEST_CASE("between the steps dense output converges with the order of the scheme, up to four") {
  SampleProblem p;
  const std::vector<State<double>> exact = reference(p);
  for (const auto& [name, order] : {std::pair<std::string, double>{"explicit-euler", 1},
                                    {"heun", 2},
                                    {"rk4", 4},
                                    {"gauss4", 4},
                                    {"radau5", 4}}) {
    // With either number the points lie equally far from the ends of their steps.
    p.substeps = 16;
    const double coarse = largest_difference(dense(p, name), exact);
    p.substeps = 64;
    const double fine = largest_difference(dense(p, name), exact);
    CAPTURE(name);
    CHECK(std::log2(coarse / fine) / 2 == doctest::Approx(order).epsilon(0.03));
  }
}

TEST_CASE("under error control dense output is about as exact as the steps") {
  const SampleProblem p;
  const std::vector<State<double>> exact = reference(p);
  for (const std::string name : {"cvodes-bdf", "cvodes-adams"}) {  // at their default tolerance, 1e-6
    CAPTURE(name);
    CHECK(largest_difference(dense(p, name), exact) <= 1e-4);
  }
  SampleProblem with_tableau = p;
  with_tableau.tableau = explicit_tableaus().front();
  for (const std::string name : {"dopri5", "cash-karp54", "fehlberg78"}) {
    ProblemDefinition<double> definition = make_definition<double>(with_tableau);
    IntegratorOptions options;
    options.rtol = 1e-8;
    definition.integrator = builtin_integrators().make<double>(name, options);
    OptimalControlProblem<double> problem(definition, make_dataset<double>(p));
    IntegrationStatus status;
    const auto states = problem.states(make_control<double>(p), status, points);
    REQUIRE(status.ok());
    CAPTURE(name);
    CHECK(largest_difference(states, exact) <= 1e-3);  // cubic between few long steps
    CHECK((states.back() - exact.back()).cwiseAbs().maxCoeff() <= 1e-6);
  }
}

TEST_CASE("where the integration fails dense output ends at the failed interval") {
  SampleProblem p;
  p.activation = Activation::identity;
  OptimalControlProblem<double> problem = make_problem<double>(p, "rk4");
  Control<double> u = make_control<double>(p);
  u.matrix("A2", 1).setConstant(1e200);
  u.matrix("A1", 1).setConstant(1e200);
  IntegrationStatus status;
  const std::vector<State<double>> states = problem.states(u, status, points);
  CHECK(status.interval == 1);
  REQUIRE(states.size() == points + 1);
  for (const State<double>& X : states) {
    CHECK(X.allFinite());
  }
}

TEST_CASE("tiles and threads do not change dense output") {
  SampleProblem p;
  p.samples = 61;
  const std::vector<State<double>> whole = dense(p, "rk4");
  p.tile = 16;
  p.threads = 3;
  const std::vector<State<double>> tiled = dense(p, "rk4");
  for (std::size_t j = 0; j < whole.size(); ++j) {
    CHECK(same_bits(whole[j], tiled[j]));
  }
}

}  // namespace
}  // namespace turnpike::test
