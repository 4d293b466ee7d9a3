#include "turnpike/costates.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "registered_problem.hpp"

namespace turnpike::test {
namespace {

ProblemDefinition<double> definition_of(const SampleProblem& p, const std::string& name,
                                        const IntegratorOptions& options = {}) {
  SampleProblem with_tableau = p;
  with_tableau.tableau = explicit_tableaus().front();
  ProblemDefinition<double> definition = make_definition<double>(with_tableau);
  definition.integrator = builtin_integrators().make<double>(name, options);
  return definition;
}

TEST_CASE("the costates at the start are the derivative of V with respect to the initial states") {
  SampleProblem p;
  p.tile = 5;
  Dataset<double> data = make_dataset<double>(p);
  const Control<double> u = make_control<double>(p);
  for (const Quadrature quadrature : {Quadrature::scheme, Quadrature::nodes}) {
    for (const char* name : {"explicit-euler", "rk4", "implicit-midpoint"}) {
      CAPTURE(name);
      ProblemDefinition<double> definition = definition_of(p, name);
      definition.quadrature = quadrature;
      State<double> lambda(p.n, p.samples);
      const CostateProfile profile = measure_costates<double>(
          definition, data, u, [&](Index k, Index first, ConstTile<double>, ConstTile<double> own) {
            if (k == 0) {
              lambda.middleCols(first, own.columns) = matrix(own);
            }
          });
      REQUIRE(profile.status.ok());
      CHECK(profile.norm.front() == doctest::Approx(lambda.colwise().norm().sum()).epsilon(1e-13));
      constexpr double step = 1e-5;
      for (const auto& [i, d] : {std::pair<Index, Index>{0, 0}, {1, 7}, {2, 12}}) {
        const auto value_at = [&](double shift) {
          Dataset<double> moved = data;
          moved.features(i, d) += shift;
          OptimalControlProblem<double> problem(definition, moved);
          return problem.value(u).total();
        };
        const double difference = (value_at(step) - value_at(-step)) / (2 * step);
        CHECK(lambda(i, d) == doctest::Approx(difference).epsilon(1e-7));
      }
    }
  }
}

TEST_CASE("the last costates are γ times the gradient of the terminal cost") {
  SampleProblem p;
  const Dataset<double> data = make_dataset<double>(p);
  const ProblemDefinition<double> definition = definition_of(p, "rk4");
  State<double> targets(definition.terminal->rows(), p.samples);
  definition.terminal->make_targets(data.labels, tile_of(targets));
  double largest = 0;
  const CostateProfile profile = measure_costates<double>(
      definition, data, make_control<double>(p),
      [&](Index k, Index, ConstTile<double> X, ConstTile<double> lambda) {
        if (k != p.grid.intervals()) {
          return;
        }
        State<double> gradient(definition.terminal->rows(), p.samples);
        (void)definition.terminal->evaluate(nullptr, X, tile_of(std::as_const(targets)),
                                            1.0 / static_cast<double>(p.samples), tile_of(gradient));
        State<double> expected = State<double>::Zero(p.n, p.samples);
        definition.terminal->add_state_gradient(tile_of(std::as_const(gradient)), p.gamma, tile_of(expected));
        largest = expected.cwiseAbs().maxCoeff();
        CHECK((matrix(lambda) - expected).cwiseAbs().maxCoeff() < 1e-15);
      });
  REQUIRE(profile.status.ok());
  CHECK(largest > 1e-3);
}

TEST_CASE(
    "the Hamiltonian is constant over each interval under a tight error control, not under large steps") {
  SampleProblem p;
  const Dataset<double> data = make_dataset<double>(p);
  const Control<double> u = make_control<double>(p);
  const auto variation = [&](const ProblemDefinition<double>& definition) {
    const CostateProfile profile = measure_costates<double>(definition, data, u);
    REQUIRE(profile.status.ok());
    double largest = 0;
    for (std::size_t k = 0; k < profile.hamiltonian_begin.size(); ++k) {
      largest = std::max(largest, std::abs(profile.hamiltonian_end[k] - profile.hamiltonian_begin[k]));
    }
    return largest;
  };
  IntegratorOptions tight;
  tight.rtol = 1e-11;
  CHECK(variation(definition_of(p, "fehlberg78", tight)) < 1e-8);
  CHECK(variation(definition_of(p, "explicit-euler")) > 1e-3);
}

TEST_CASE("under zero control the Hamiltonian is the mean loss, and a control of other shape is refused") {
  SampleProblem p;
  const Dataset<double> data = make_dataset<double>(p);
  const ProblemDefinition<double> definition = definition_of(p, "rk4");
  const Control<double> zero(definition.field->layout(), p.grid.intervals());
  OptimalControlProblem<double> problem(definition, data);
  const double loss = problem.value(zero).running / p.grid.horizon();
  const CostateProfile profile = measure_costates<double>(definition, data, zero);
  for (const double H : profile.hamiltonian_begin) {
    CHECK(H == doctest::Approx(loss).epsilon(1e-12));  // F = 0, so that H is the mean loss alone
  }
  const Control<double> shorter(definition.field->layout(), 1);
  CHECK_THROWS_AS((void)measure_costates<double>(definition, data, shorter), InputError);
}

}  // namespace
}  // namespace turnpike::test
