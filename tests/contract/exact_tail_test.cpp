#include "turnpike/exact_tail.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "registered_problem.hpp"

namespace turnpike::test {
namespace {

SampleProblem long_problem() {
  SampleProblem p;
  p.grid = TimeGrid({0.0, 0.7, 1.5, 2.0, 3.0, 3.25, 5.0});
  return p;
}

OptimalControlProblem<double> problem_with(const SampleProblem& p, const std::string& name, Index active) {
  ProblemDefinition<double> definition = make_problem<double>(p, name).definition();
  definition.active_intervals = active;
  return {std::move(definition), make_dataset<double>(p)};
}

Control<double> first_intervals(const Control<double>& u, Index count) {
  Control<double> first(u.layout(), count);
  std::copy_n(u.values().begin(), first.size(), first.values().begin());
  return first;
}

TEST_CASE("the exact tail gives the objective and the gradient of all intervals with zero control") {
  for (const std::string& name : registered_names<double>()) {
    const bool adaptive = builtin_integrators().find(name).traits.adaptive &&
                          !builtin_integrators().find(name).traits.fixed_steps;
    for (const Quadrature quadrature : {Quadrature::scheme, Quadrature::nodes}) {
      SampleProblem p = long_problem();
      p.quadrature = quadrature;
      for (const Index active : {1, 4, 6}) {
        auto with_tail = problem_with(p, name, active);
        const Control<double> u = first_intervals(make_control<double>(p), active);
        auto whole = problem_with(p, name, 0);
        const Control<double> padded = followed_by_zeros(u, p.grid.intervals());
        Control<double> g = with_tail.zero_control();
        Control<double> all = whole.zero_control();
        const Objective V = with_tail.value_and_gradient(u, g);
        const Objective full = whole.value_and_gradient(padded, all);
        CAPTURE(name);
        CAPTURE(active);
        REQUIRE(V.status.ok());
        REQUIRE(full.status.ok());
        // CVODES' quadrature of a constant is exact to its tolerance only.
        const double tolerance = adaptive ? 1e-5 : 1e-13;
        CHECK(V.total() == doctest::Approx(full.total()).epsilon(tolerance));
        CHECK(V.accuracy == full.accuracy);
        double difference = 0;
        for (Index i = 0; i < g.size(); ++i) {
          const auto at = static_cast<std::size_t>(i);
          difference = std::max(difference, std::abs(g.values()[at] - all.values()[at]));
        }
        CHECK(difference <= (adaptive ? 1e-4 : 1e-12) * full.gradient_norm);

        IntegrationStatus status;
        const auto states = with_tail.states(u, status);
        const auto expected = whole.states(padded, status);
        REQUIRE(states.size() == expected.size());
        CHECK(same_bits(states.back(), expected.back()));
      }
    }
  }
}

/// V with one more interval of control w = s (a, β) in the inner layer and s v in A₂, minus V.
double change(const SampleProblem& p, const Control<double>& u, const Eigen::VectorXd& w,
              const Eigen::VectorXd& v, double s) {
  auto before = problem_with(p, "explicit-euler", u.intervals());
  auto after = problem_with(p, "explicit-euler", u.intervals() + 1);
  Control<double> longer = followed_by_zeros(u, u.intervals() + 1);
  longer.matrix("A1", u.intervals()).row(0) = s * w.head(p.n).transpose();
  longer.matrix("b1", u.intervals())(0, 0) = s * w[p.n];
  longer.matrix("A2", u.intervals()).col(0) = s * v;
  return after.value(longer).total() - before.value(u).total();
}

TEST_CASE(
    "no direction of a further layer does better than the tail test says, and some does nearly as well") {
  for (const Activation activation : {Activation::relu, Activation::leaky_relu, Activation::tanh}) {
    SampleProblem p = long_problem();
    p.activation = activation;
    const Index active = 3;
    const Control<double> u = first_intervals(make_control<double>(p), active);
    auto problem = problem_with(p, "explicit-euler", active);
    const TailTest test = test_tail(problem, u);
    CHECK(test.active == active);
    const double h = p.grid.length(active);
    const double s = 1e-3;
    double best = 0;
    for (unsigned seed = 0; seed < 20000; ++seed) {
      const auto numbers = random_numbers(static_cast<std::size_t>(2 * p.n + 1), 1, seed);
      const Eigen::Map<const Eigen::VectorXd> all(numbers.data(), 2 * p.n + 1);
      const double fall =
          -change(p, u, all.head(p.n + 1).normalized(), all.tail(p.n).normalized(), s) / (h * s * s);
      best = std::max(best, fall + 2 * p.r);  // the two layers cost r s² h each
    }
    CAPTURE(name_of(activation));
    CAPTURE(best);
    CHECK(best <= test.rate * 1.02);
    CHECK(best >= test.rate * 0.8);
  }
}

TEST_CASE("what the gradient at zero promises of a further interval is what it is, whatever the scheme") {
  for (const std::string& name : registered_names<double>()) {
    const bool continuous = builtin_integrators().find(name).traits.adjoint == AdjointKind::continuous;
    for (const FieldKind field : {FieldKind::two_layer, FieldKind::single_layer}) {
      for (const Quadrature quadrature : {Quadrature::scheme, Quadrature::nodes}) {
        SampleProblem p = long_problem();
        p.field = field;
        p.quadrature = quadrature;
        const Index active = 3;
        const Control<double> u = first_intervals(make_control<double>(p), active);
        auto problem = problem_with(p, name, active);
        auto longer = problem_with(p, name, active + 1);
        const TailTest test = test_tail(problem, u);
        Control<double> gradient = longer.zero_control();
        (void)longer.value_and_gradient(followed_by_zeros(u, active + 1), gradient);
        const double h = p.grid.length(active);
        const bool single = field == FieldKind::single_layer;
        const double squares =
            single ? gradient.matrix("A", active).squaredNorm() + gradient.matrix("b", active).squaredNorm()
                   : gradient.matrix("b2", active).squaredNorm();
        CAPTURE(name);
        CAPTURE(single);
        CHECK(test.gradient_gain ==
              doctest::Approx(squares / (4 * p.r * h)).epsilon(continuous ? 1e-4 : 1e-12));
        if (!single) {
          CHECK(gradient.matrix("A2", active).norm() == 0);
        }
      }
    }
  }
}

TEST_CASE("data whose even half alone is informative have a tail that pays, too") {
  SampleProblem p = long_problem();
  p.activation = Activation::relu;
  p.classes = 2;
  ProblemDefinition<double> definition = make_problem<double>(p, "explicit-euler").definition();
  definition.active_intervals = 1;
  Dataset<double> data;  // with Σ_d λ_d [x_d; 1]ᵀ = 0
  data.features = State<double>::Zero(p.n, 4);
  data.features(2, 0) = 1;
  data.features(2, 1) = -1;
  data.labels = {0, 0, 1, 1};
  data.classes = {"outside", "within"};
  OptimalControlProblem<double> problem(definition, data);
  const TailTest test = test_tail(problem, problem.zero_control());
  CHECK(test.gradient_gain <= 1e-20);
  // One sample's costate is (p_d − 1/2) (1, −1) times its weight over D, and no unit w gives
  // relu(wᵀx₁) + relu(wᵀx₂) − 2 relu(w₄) more than 1.
  const double weight = definition.grid.horizon() - definition.grid.node(2) + definition.gamma;
  const double most = std::sqrt(2.0) * (p.p_d - 0.5) * weight / 4;
  CHECK(test.rate <= most * (1 + 1e-9));
  CHECK(test.rate >= 0.95 * most);
}

TEST_CASE("a horizon without costs has a tail that pays nothing; r = 0 makes every gain infinite") {
  SampleProblem p = long_problem();
  p.r = 0;
  const Control<double> u = first_intervals(make_control<double>(p), 2);
  auto problem = problem_with(p, "explicit-euler", 2);
  const TailTest test = test_tail(problem, u);
  CHECK(test.gradient_gain == std::numeric_limits<double>::infinity());
  CHECK(test.pays());
  SampleProblem kinked = p;
  kinked.outer = Activation::relu;
  auto with_kink = problem_with(kinked, "explicit-euler", 2);
  CHECK_THROWS_WITH_AS((void)test_tail(with_kink, u), doctest::Contains("smooth outer activation"),
                       InputError);
  auto whole = problem_with(p, "explicit-euler", 0);
  CHECK_THROWS_AS((void)test_tail(whole, make_control<double>(p)), InputError);
}

TEST_CASE("more active intervals continue the training where it stood") {
  const SampleProblem p = long_problem();
  const Control<double> start = make_control<double>(p);
  TrainerState<double> state;
  const std::size_t n_u = static_cast<std::size_t>(start.layout().size());
  state.control.assign(2 * n_u, 0.5);
  state.first_moment.assign(2 * n_u, 0.25);
  state.second_moment.assign(2 * n_u, 0.125);
  state.steps = 7;
  const TrainerState<double> longer = extended(state, start, 5);
  REQUIRE(longer.control.size() == 5 * n_u);
  CHECK(longer.control[2 * n_u - 1] == 0.5);
  CHECK(longer.control[2 * n_u] == start.values()[2 * n_u]);
  CHECK(longer.control.back() == start.values()[5 * n_u - 1]);
  CHECK(longer.first_moment[2 * n_u - 1] == 0.25);
  CHECK(longer.first_moment[2 * n_u] == 0);
  CHECK(longer.second_moment.size() == 5 * n_u);
  CHECK(longer.steps == 7);
}

TEST_CASE("active intervals beyond K are refused") {
  const SampleProblem p = long_problem();
  CHECK_THROWS_AS((void)problem_with(p, "rk4", 7), InputError);
  CHECK_THROWS_AS((void)problem_with(p, "rk4", -1), InputError);
}

}  // namespace
}  // namespace turnpike::test
