#include <doctest/doctest.h>

#include <string>

#include "registered_problem.hpp"

namespace turnpike::test {
namespace {

TEST_CASE_TEMPLATE("zero control returns every state bit for bit", T, float, double) {
  for (const std::string& name : registered_names<T>()) {
    for (const FieldKind field : {FieldKind::single_layer, FieldKind::two_layer}) {
      for (const Activation activation : all_activations()) {
        for (const Index n : {3, 7}) {
          SampleProblem p;
          p.field = field;
          p.activation = activation;
          p.n = n;
          p.substeps = 3;
          p.samples = 37;
          OptimalControlProblem<T> problem = make_problem<T>(p, name);
          IntegrationStatus status;
          const std::vector<State<T>> states = problem.states(problem.zero_control(), status);
          REQUIRE(status.ok());
          REQUIRE(states.size() == 4);
          CAPTURE(name);
          CAPTURE(name_of(activation));
          CHECK(same_bits(states.front(), make_initial_state<T>(p)));
          CHECK(same_bits(states.back(), states.front()));
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("zero control returns every state of a residual network bit for bit", T, float, double) {
  for (const Index n : {7, 60}) {  // the larger by oneDNN
    SampleProblem p = residual_network();
    p.n = n;
    p.samples = 90;
    OptimalControlProblem<T> problem = make_problem<T>(p, "explicit-euler");
    IntegrationStatus status;
    const std::vector<State<T>> states = problem.states(problem.zero_control(), status);
    REQUIRE(status.ok());
    CHECK(same_bits(states.back(), make_initial_state<T>(p)));
  }
}

TEST_CASE_TEMPLATE("a second layer of zeros holds every state bit for bit", T, float, double) {
  for (const std::string& name : registered_names<T>()) {
    SampleProblem p;
    p.outer = Activation::tanh;
    OptimalControlProblem<T> problem = make_problem<T>(p, name);
    Control<T> u = make_control<T>(p);
    for (Index k = 0; k < u.intervals(); ++k) {
      u.matrix("A2", k).setZero();
      u.matrix("b2", k).setZero();
    }
    IntegrationStatus status;
    const std::vector<State<T>> states = problem.states(u, status);
    REQUIRE(status.ok());
    CAPTURE(name);
    CHECK(same_bits(states.back(), states.front()));
  }
}

TEST_CASE("an equilibrium with u ≠ 0 is held to rounding") {
  // σ(A x + b) = 0 at b = −A x for one sample.
  for (const std::string& name : registered_names<double>()) {
    SampleProblem p;
    p.field = FieldKind::single_layer;
    p.samples = 1;
    OptimalControlProblem<double> problem = make_problem<double>(p, name);
    const State<double> X = make_initial_state<double>(p);
    Control<double> u = make_control<double>(p);
    for (Index k = 0; k < u.intervals(); ++k) {
      u.matrix("b", k) = -u.matrix("A", k) * X;
    }
    IntegrationStatus status;
    const std::vector<State<double>> states = problem.states(u, status);
    REQUIRE(status.ok());
    CAPTURE(name);
    CHECK((states.back() - X).norm() <= 1e-14);
  }
}

TEST_CASE("a step that is not finite says where and leaves no gradient behind unnoticed") {
  for (const std::string& name : registered_names<double>()) {
    SampleProblem p;
    p.activation = Activation::identity;
    p.n = 3;
    OptimalControlProblem<double> problem = make_problem<double>(p, name);
    Control<double> u = make_control<double>(p);
    u.matrix("A2", 1).setConstant(1e200);
    u.matrix("A1", 1).setConstant(1e200);
    Control<double> gradient = problem.zero_control();
    const Objective V = problem.value_and_gradient(u, gradient);
    CAPTURE(name);
    CHECK_FALSE(V.status.ok());
    CHECK(V.status.interval == 1);
    CHECK(V.status.step.t == doctest::Approx(0.7));
    CHECK(V.status.message().find("layer 1") != std::string::npos);
    IntegrationStatus status;
    CHECK(problem.states(u, status).size() == 2);
    CHECK_FALSE(status.ok());
  }
}

}  // namespace
}  // namespace turnpike::test
