#include "turnpike/problem.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "turnpike/error.hpp"

namespace turnpike {
namespace {

Dataset<double> three_samples() {
  Dataset<double> data;
  data.features.resize(2, 3);
  data.features << 0.5, -1.0, 2.0, 1.5, 0.25, -0.75;
  data.labels = {0, 1, 1};
  data.classes = {"a", "b"};
  return data;
}

ProblemDefinition<double> definition() {
  ProblemDefinition<double> d;
  d.field = make_single_layer_field<double>(2, Activation::tanh);
  d.grid = TimeGrid::uniform(2, 2);
  d.integrator = builtin_integrators().make<double>("explicit-euler", {});
  d.running = make_soft_cross_entropy<double>(first_components(2), 0.9);
  d.terminal = make_cross_entropy<double>(first_components(2));
  d.gamma = 2;
  d.r = 0.1;
  return d;
}

double log_sum_exp(double a, double b) { return std::log(std::exp(a) + std::exp(b)); }
double soft_cross_entropy(double a, double b, int y) {
  const double p = y == 0 ? 0.9 : 0.1;
  return -p * (a - log_sum_exp(a, b)) - (1 - p) * (b - log_sum_exp(a, b)) + 0.9 * std::log(0.9) +
         0.1 * std::log(0.1);
}

TEST_CASE("explicit Euler with unit steps gives the discrete objective (5a)") {
  const Dataset<double> data = three_samples();
  OptimalControlProblem<double> problem(definition(), data);
  Control<double> u = problem.zero_control();
  u.matrix("A", 0) << 0.3, -0.2, 0.1, 0.4;
  u.matrix("b", 0) << 0.2, -0.1;
  u.matrix("A", 1) << -0.5, 0.6, 0.7, 0.2;
  double running = 0;
  double terminal = 0;
  for (Index d = 0; d < 3; ++d) {
    const int y = data.labels[static_cast<std::size_t>(d)];
    double a = data.features(0, d);
    double b = data.features(1, d);
    running += soft_cross_entropy(a, b, y) / 3;
    const double a1 = a + std::tanh(0.3 * a - 0.2 * b + 0.2);
    const double b1 = b + std::tanh(0.1 * a + 0.4 * b - 0.1);
    running += soft_cross_entropy(a1, b1, y) / 3;
    a = a1 + std::tanh(-0.5 * a1 + 0.6 * b1);
    b = b1 + std::tanh(0.7 * a1 + 0.2 * b1);
    terminal += 2 * (log_sum_exp(a, b) - (y == 0 ? a : b)) / 3;
  }
  const Objective V = problem.value(u);
  CHECK(V.running == doctest::Approx(running).epsilon(1e-14));
  CHECK(V.terminal == doctest::Approx(terminal).epsilon(1e-14));
  CHECK(V.control == doctest::Approx(0.1 * (0.3 + 0.05 + 1.14)).epsilon(1e-14));
  CHECK(V.total() == V.running + V.control + V.terminal);
}

TEST_CASE("a stage cost of none keeps r‖u‖²") {
  ProblemDefinition<double> d = definition();
  d.running = nullptr;
  OptimalControlProblem<double> problem(d, three_samples());
  Control<double> u = problem.zero_control();
  u.matrix("b", 1) << 3, 4;
  const Objective V = problem.value(u);
  CHECK(V.running == 0);
  CHECK(V.control == doctest::Approx(2.5));
}

TEST_CASE("the first C or the named components enter the loss, extra components start at 0") {
  ProblemDefinition<double> d = definition();
  d.field = make_single_layer_field<double>(4, Activation::tanh);
  d.running = make_soft_cross_entropy<double>({3, 1}, 0.9);
  d.terminal = nullptr;
  OptimalControlProblem<double> problem(d, three_samples());
  double expected = 0;
  for (Index i = 0; i < 3; ++i) {
    expected += 2 *
                soft_cross_entropy(0, three_samples().features(1, i),
                                   three_samples().labels[static_cast<std::size_t>(i)]) /
                3;
  }
  CHECK(problem.value(problem.zero_control()).running == doctest::Approx(expected).epsilon(1e-14));
}

TEST_CASE("parts that do not fit together are refused with their values") {
  const auto refused = [](auto change, const char* fragment) {
    ProblemDefinition<double> d = definition();
    change(d);
    CHECK_THROWS_WITH_AS(OptimalControlProblem<double>(d, three_samples()), doctest::Contains(fragment),
                         InputError);
  };
  refused([](auto& d) { d.r = -1; }, "-1");
  refused([](auto& d) { d.r = NAN; }, "nan");
  refused([](auto& d) { d.gamma = -2; }, "-2");
  refused([](auto& d) { d.threads = 0; }, "0");
  refused([](auto& d) { d.field = make_single_layer_field<double>(1, Activation::tanh); }, "1");
  refused([](auto& d) { d.running = make_soft_cross_entropy<double>({0, 5}, 0.9); }, "5");
}

TEST_CASE("p_d outside (1/C, 1) is refused") {
  for (const double p_d : {0.5, 0.2, 1.0, 1.5, 0.0, -1.0, static_cast<double>(NAN)}) {
    CAPTURE(p_d);
    CHECK_THROWS_AS(make_soft_cross_entropy<double>(first_components(2), p_d), InputError);
  }
}

TEST_CASE_TEMPLATE("losses stay finite and accurate for large states", T, float, double) {
  const auto cost = make_soft_cross_entropy<T>(first_components(2), 0.9);
  State<T> X(2, 2);
  X << T(400), T(-400), T(-400), T(400);
  const std::vector<double> losses =
      sample_losses<T>(*cost, tile_of(std::as_const(X)), std::vector<int>{0, 1});
  // −Σ q̃ log p + Σ q̃ log q̃ with log p = (0, −800).
  const double expected = 0.1 * 800 + 0.9 * std::log(0.9) + 0.1 * std::log(0.1);
  CHECK(losses[0] == doctest::Approx(expected).epsilon(1e-6));
  CHECK(losses[1] == doctest::Approx(expected).epsilon(1e-6));
}

TEST_CASE("controls of another shape and batches without samples are refused") {
  OptimalControlProblem<double> problem(definition(), three_samples());
  Control<double> u = problem.zero_control();
  Control<double> gradient = u;
  const Control<double> longer(u.layout(), 3);
  CHECK_THROWS_WITH_AS((void)problem.value(longer), doctest::Contains("3 intervals of 6 numbers"),
                       InputError);
  Control<double> short_gradient(u.layout(), 1);
  CHECK_THROWS_AS((void)problem.value_and_gradient(u, short_gradient), InputError);
  CHECK_THROWS_WITH_AS((void)problem.value_and_gradient(u, std::vector<Index>{}, gradient),
                       doctest::Contains("empty"), InputError);
  CHECK_THROWS_WITH_AS((void)problem.value_and_gradient(u, std::vector<Index>{0, 3}, gradient),
                       doctest::Contains("sample 3"), InputError);
}

TEST_CASE("a control whose square overflows is no success") {
  OptimalControlProblem<double> problem(definition(), three_samples());
  Control<double> u = problem.zero_control();
  u.matrix("b", 1).setConstant(1e200);
  const Objective V = problem.value(u);
  CHECK_FALSE(V.status.ok());
  CHECK(V.status.interval == 1);
  CHECK(V.status.message().find("r‖u‖² that overflows") != std::string::npos);
}

TEST_CASE("a gradient that overflows on the way back names its layer") {
  ProblemDefinition<double> d = definition();
  d.grid = TimeGrid::uniform(40, 40);
  d.field = make_single_layer_field<double>(2, Activation::identity);
  Dataset<double> data = three_samples();
  data.features.setZero();
  OptimalControlProblem<double> problem(d, data);
  // x rests at 0 while λ grows by 1e10 a layer.
  Control<double> u = problem.zero_control();
  for (Index k = 0; k < 40; ++k) {
    u.matrix("A", k) = 1e10 * Eigen::MatrixXd::Identity(2, 2);
  }
  CHECK(problem.value(u).status.ok());
  Control<double> gradient = problem.zero_control();
  const Objective V = problem.value_and_gradient(u, gradient);
  CHECK(V.status.step.outcome == StepOutcome::gradient_not_finite);
  CHECK(V.status.interval > 0);
  CHECK(V.status.interval < 20);
}

}  // namespace
}  // namespace turnpike
