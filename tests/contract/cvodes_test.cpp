#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "forward_sensitivities.hpp"
#include "registered_problem.hpp"

namespace turnpike::test {
namespace {

const std::vector<std::string> names = {"cvodes-bdf", "cvodes-adams"};

IntegratorOptions tolerance(double rtol) {
  IntegratorOptions options;
  options.rtol = rtol;
  return options;
}

OptimalControlProblem<double> problem_with(const SampleProblem& p, const std::string& name, double rtol) {
  SampleProblem with_tableau = p;
  with_tableau.tableau = explicit_tableaus().front();
  ProblemDefinition<double> definition = make_definition<double>(with_tableau);
  definition.integrator = builtin_integrators().make<double>(name, tolerance(rtol));
  return OptimalControlProblem<double>(std::move(definition), make_dataset<double>(p));
}

std::vector<double> gradient_of(OptimalControlProblem<double>& problem, const Control<double>& u) {
  Control<double> gradient = problem.zero_control();
  const Objective V = problem.value_and_gradient(u, gradient);
  REQUIRE_MESSAGE(V.status.ok(), V.status.message());
  return {gradient.values().begin(), gradient.values().end()};
}

/// ‖x − y‖ / ‖y‖.
double relative_error(const std::vector<double>& x, const std::vector<double>& y) {
  double difference = 0;
  double size = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    difference += std::pow(x[i] - y[i], 2);
    size += std::pow(y[i], 2);
  }
  return std::sqrt(difference / size);
}

/// Small states, whose Newton systems are solved directly, and wide ones, which are left to GMRES; controls
/// jump between the intervals.
std::vector<SampleProblem> sample_problems() {
  std::vector<SampleProblem> problems;
  for (const FieldKind field : {FieldKind::single_layer, FieldKind::two_layer}) {
    for (const Index n : {2, 12}) {
      for (const bool terminal : {true, false}) {
        SampleProblem p;
        p.field = field;
        p.n = n;
        p.h = 6;
        p.classes = 2;
        p.samples = 21;
        p.grid = TimeGrid({0.0, 0.7, 1.5, 2.0, 3.0});
        p.control_size = n == 2 ? 1.5 : 0.5;
        p.gamma = terminal ? 1.5 : 0.0;  // without it the costate begins at zero
        p.running = field == FieldKind::single_layer ? CostKind::quadratic : CostKind::soft_cross_entropy;
        problems.push_back(p);
      }
    }
  }
  return problems;
}

TEST_CASE("the gradient converges to the exact one with the tolerance") {
  for (const SampleProblem& p : sample_problems()) {
    SampleProblem fine = p;
    fine.substeps = 150;
    OptimalControlProblem<double> exact_problem = make_problem<double>(fine, "fehlberg78");
    const Control<double> u = make_control<double>(p);
    const std::vector<double> exact = gradient_of(exact_problem, u);
    const double V = exact_problem.value(u).total();
    for (const std::string& name : names) {
      double before = 1;
      for (const auto& [rtol, bound] : {std::pair(1e-4, 2e-3), {1e-6, 2e-5}, {1e-8, 4e-7}}) {
        OptimalControlProblem<double> problem = problem_with(p, name, rtol);
        const double error = relative_error(gradient_of(problem, u), exact);
        CAPTURE(name);
        CAPTURE(p.n);
        CAPTURE(rtol);
        MESSAGE(name, " n=", p.n, " field=", static_cast<int>(p.field), " gamma=", p.gamma, " rtol=", rtol,
                " error=", error);
        CHECK(error <= bound);
        CHECK(error < before);
        CHECK(std::abs(problem.value(u).total() - V) <= 50 * rtol * std::abs(V));
        before = error;
      }
    }
  }
}

}  // namespace
}  // namespace turnpike::test
