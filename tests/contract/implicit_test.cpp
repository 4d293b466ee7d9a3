#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "implicit_rk/implicit_runge_kutta.hpp"
#include "registered_problem.hpp"

namespace turnpike::test {
namespace {

/// One step and its pull-back of a field with a soft cross-entropy, from a method made by hand.
template <class T>
struct Stepped {
  StepStatus status;
  StepStatus back;
  State<T> X;
  State<T> lambda;
  std::vector<T> ubar;
  T cost{};
};

template <class T>
Stepped<T> take_step(const SampleProblem& p, const OneStepMethod<T>& method, T h) {
  const auto field = make_field<T>(p);
  const auto cost = make_cost<T>(p, p.running);
  const Control<T> u = make_control<T>(p);
  EnsembleSystem<T> system(*field, cost.get(), p.samples);
  State<T> targets(cost->rows(), p.samples);
  cost->make_targets(make_labels(p), tile_of(targets));
  system.set_targets(tile_of(std::as_const(targets)), T(1) / T(static_cast<float>(p.samples)));
  system.set_control(u.interval(0));
  const Footprint footprint = method.footprint(system);
  std::vector<T> record(static_cast<std::size_t>(footprint.record));
  std::vector<T> scratch(static_cast<std::size_t>(footprint.scratch));
  Stepped<T> result;
  result.X = make_initial_state<T>(p);
  result.status = method.step(system, T(0), h, tile_of(result.X), result.cost, record.data(), scratch.data());
  if (result.status.ok()) {
    SampleProblem other = p;
    other.seed += 7;
    result.lambda = make_initial_state<T>(other);
    result.ubar.assign(static_cast<std::size_t>(field->layout().size()), T(0));
    result.back = method.step_pull_back(system, T(0), h, T(1), tile_of(result.lambda), result.ubar.data(),
                                        record.data(), scratch.data());
  }
  return result;
}

template <class T>
double difference(const std::vector<T>& a, const std::vector<T>& b) {
  double largest = 0;
  double size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(a[i] - b[i])));
    size = std::max(size, std::abs(static_cast<double>(b[i])));
  }
  return largest / size;
}

TEST_CASE_TEMPLATE("elimination and GMRES solve the same stages", T, float, double) {
  const double tolerance = std::is_same_v<T, float> ? 2e-5 : 1e-12;
  for (const ButcherTableau& tableau : implicit_tableaus()) {
    for (const Index n : {3, 4}) {
      for (const FieldKind field : {FieldKind::single_layer, FieldKind::two_layer}) {
        SampleProblem p;
        p.field = field;
        p.n = n;
        p.h = 2;
        p.samples = 19;
        const auto direct = take_step<T>(p, ImplicitRungeKutta<T>(tableau, 16), T(0.3));
        const auto krylov = take_step<T>(p, ImplicitRungeKutta<T>(tableau, 0), T(0.3));
        CAPTURE(tableau.name);
        CAPTURE(n);
        REQUIRE(direct.status.ok());
        REQUIRE(direct.back.ok());
        REQUIRE(krylov.status.ok());
        REQUIRE(krylov.back.ok());
        CHECK(static_cast<double>((direct.X - krylov.X).cwiseAbs().maxCoeff()) <= tolerance);
        CHECK(static_cast<double>((direct.lambda - krylov.lambda).cwiseAbs().maxCoeff()) <= tolerance * 5);
        CHECK(difference(krylov.ubar, direct.ubar) <= tolerance * 5);
      }
    }
  }
}

TEST_CASE("wide states are solved by GMRES, a sample at a time to the last bit") {
  for (const ButcherTableau& tableau : implicit_tableaus()) {
    SampleProblem p;
    p.n = 24;
    p.h = 5;
    p.samples = 9;
    const ImplicitRungeKutta<double> method(tableau);
    p.control_size = 0.3;
    const auto all = take_step(p, method, 0.3);
    REQUIRE(all.status.ok());
    REQUIRE(all.back.ok());
    // The same samples, the last four replaced by others.
    const auto field = make_field<double>(p);
    const Control<double> u = make_control<double>(p);
    EnsembleSystem<double> system(*field, nullptr, p.samples);
    system.set_control(u.interval(0));
    const Footprint footprint = method.footprint(system);
    std::vector<double> record(static_cast<std::size_t>(footprint.record));
    std::vector<double> scratch(static_cast<std::size_t>(footprint.scratch));
    State<double> X = make_initial_state<double>(p);
    X.rightCols(4) *= 3.0;
    double cost = 0;
    REQUIRE(method.step(system, 0, 0.3, tile_of(X), cost, record.data(), scratch.data()).ok());
    CAPTURE(tableau.name);
    CHECK((X.leftCols(5).array() == all.X.leftCols(5).array()).all());
  }
}

/// ẋ = tanh(−a x) for every component: contractive with h‖J‖ = h a.
Control<double> contractive(const SampleProblem& p, double a) {
  Control<double> u(make_field<double>(p)->layout(), p.grid.intervals());
  for (Index k = 0; k < u.intervals(); ++k) {
    u.matrix("A", k) = -a * Eigen::MatrixXd::Identity(p.n, p.n);
  }
  return u;
}

TEST_CASE("L-stable schemes go to the equilibrium of a stiff contraction in a few steps") {
  for (const std::string name : {"implicit-euler", "sdirk2", "radau5"}) {
    SampleProblem p;
    p.field = FieldKind::single_layer;
    p.grid = TimeGrid({0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0});
    OptimalControlProblem<double> problem = make_problem<double>(p, name);
    const Control<double> u = contractive(p, 3000);
    IntegrationStatus status;
    const State<double> last = problem.states(u, status).back();
    CAPTURE(name);
    REQUIRE(status.ok());
    CHECK(last.cwiseAbs().maxCoeff() <= 1e-3);
    Control<double> gradient = problem.zero_control();
    CHECK(problem.value_and_gradient(u, gradient).status.ok());
    for (const double entry : gradient.values()) {
      CHECK(std::isfinite(entry));
    }
  }
}

TEST_CASE("GMRES solves stiff stages as well, to a small backward error") {
  for (const ButcherTableau& tableau : implicit_tableaus()) {
    for (const double size : {3.0, 30.0, 300.0}) {
      SampleProblem p;
      p.tableau = tableau;
      p.n = 24;
      p.h = 5;
      p.samples = 9;
      EnsembleEvaluator<double> evaluator = make_evaluator<double>(p);
      Control<double> u = make_control<double>(p);
      for (Index k = 0; k < u.intervals(); ++k) {
        // Contractive: F = −size W tanh(Wᵀ x + b₁) + b₂.
        u.matrix("A2", k) = -size * u.matrix("A1", k).transpose();
      }
      Control<double> gradient(u.layout(), u.intervals());
      const auto V = evaluator.value_and_gradient(u, gradient);
      CAPTURE(tableau.name);
      CAPTURE(size);
      CAPTURE(V.status.message());
      CHECK(V.status.ok());
    }
  }
}

TEST_CASE_TEMPLATE("a step that converges solves its equations, in float as well", T, float, double) {
  // x⁺ = x + h tanh(−8 x⁺ + 80) has its solution where the field changes abruptly.
  SampleProblem p;
  p.field = FieldKind::single_layer;
  p.n = 1;
  p.classes = 1;
  p.running = CostKind::quadratic;
  p.samples = 4;
  const auto field = make_field<T>(p);
  EnsembleSystem<T> system(*field, nullptr, p.samples);
  Control<T> u(field->layout(), 1);
  u.matrix("A", 0).setConstant(T(-8));
  u.matrix("b", 0).setConstant(T(80));
  system.set_control(u.interval(0));
  const ImplicitRungeKutta<T> method(implicit_tableaus().front());
  const Footprint footprint = method.footprint(system);
  std::vector<T> record(static_cast<std::size_t>(footprint.record));
  std::vector<T> scratch(static_cast<std::size_t>(footprint.scratch));
  State<T> X(1, 4);
  X << T(10.4), T(9.3), T(12), T(10);
  const State<T> before = X;
  T cost(0);
  const StepStatus status = method.step(system, T(0), T(1), tile_of(X), cost, record.data(), scratch.data());
  REQUIRE(status.ok());
  for (Index d = 0; d < 4; ++d) {
    const auto x = static_cast<double>(X(0, d));
    const double residual = static_cast<double>(before(0, d)) + std::tanh(-8 * x + 80) - x;
    CHECK(std::abs(residual) <= 200 * static_cast<double>(std::numeric_limits<T>::epsilon()) * 10);
  }
}

TEST_CASE("a failed step names its sample in the data set, whatever the tile and the batch") {
  // x = x₀ + relu(2 x + 10) has no solution for x₀ > −5; only sample 7 stands there.
  SampleProblem p;
  p.field = FieldKind::single_layer;
  p.activation = Activation::relu;
  p.grid = TimeGrid({0.0, 1.0});
  p.samples = 12;
  p.tile = 5;
  Dataset<double> data = make_dataset<double>(p);
  data.features.setConstant(-9);
  data.features.col(7).setConstant(1);
  p.tableau = implicit_tableaus().front();
  OptimalControlProblem<double> problem(make_definition<double>(p), data);
  Control<double> u = problem.zero_control();
  u.matrix("A", 0) = 2 * Eigen::MatrixXd::Identity(p.n, p.n);
  u.matrix("b", 0).setConstant(10);
  CHECK(problem.value(u).status.sample == 7);
  CHECK(problem.value(u).status.message().find("sample 7") != std::string::npos);
  Control<double> gradient = problem.zero_control();
  const std::vector<Index> batch = {0, 1, 2, 3, 4, 5, 7, 6};
  CHECK(problem.value_and_gradient(u, batch, gradient).status.sample == 7);
  IntegrationStatus status;
  (void)problem.states(u, status);
  CHECK(status.sample == 7);
}

TEST_CASE("a step without a solution names the sample, leaves the state, and gives no gradient") {
  SampleProblem p;
  p.field = FieldKind::single_layer;
  p.activation = Activation::relu;
  p.n = 3;
  ButcherTableau tableau = implicit_tableaus().front();
  const ImplicitRungeKutta<double> method(tableau);
  const auto field = make_field<double>(p);
  Control<double> u(field->layout(), p.grid.intervals());
  u.matrix("A", 0) = 2 * Eigen::MatrixXd::Identity(p.n, p.n);
  u.matrix("b", 0).setConstant(10);  // x = x₀ + relu(2x + 10) with x₀ > −5 has no solution
  EnsembleSystem<double> system(*field, nullptr, p.samples);
  system.set_control(u.interval(0));
  const Footprint footprint = method.footprint(system);
  std::vector<double> record(static_cast<std::size_t>(footprint.record));
  std::vector<double> scratch(static_cast<std::size_t>(footprint.scratch));
  State<double> X = make_initial_state<double>(p);
  const State<double> before = X;
  double cost = 3;
  const StepStatus status = method.step(system, 0.25, 1.0, tile_of(X), cost, record.data(), scratch.data());
  CHECK(status.outcome == StepOutcome::not_converged);
  CHECK(status.t == 0.25);
  CHECK(status.h == 1.0);
  CHECK(status.column >= 0);
  CHECK(same_bits(X, before));
  CHECK(cost == 3);
}

TEST_CASE("a failed step is bisected once where that is allowed") {
  SampleProblem p;
  p.field = FieldKind::single_layer;
  p.activation = Activation::relu;
  p.grid = TimeGrid({0.0, 1.0});
  Control<double> u(make_field<double>(p)->layout(), 1);
  // x = x₀ + h relu(1.5 x + 10) has a solution for h = 1/2 only.
  u.matrix("A", 0) = 1.5 * Eigen::MatrixXd::Identity(p.n, p.n);
  u.matrix("b", 0).setConstant(10);
  const auto solve = [&](Recovery recovery, Index substeps) {
    p.tableau = implicit_tableaus().front();
    ProblemDefinition<double> definition = make_definition<double>(p);
    IntegratorOptions options;
    options.recovery = recovery;
    options.substeps = substeps;
    definition.integrator = builtin_integrators().make<double>("implicit-euler", options);
    OptimalControlProblem<double> problem(definition, make_dataset<double>(p));
    Control<double> gradient = problem.zero_control();
    const Objective V = problem.value_and_gradient(u, gradient);
    return std::make_pair(V, std::vector<double>(gradient.values().begin(), gradient.values().end()));
  };
  const auto stopped = solve(Recovery::none, 1);
  CHECK(stopped.first.status.step.outcome == StepOutcome::not_converged);
  CHECK(stopped.first.status.message().find("did not converge in layer 0 (t = 0, step size 1") !=
        std::string::npos);
  const auto bisected = solve(Recovery::bisect, 1);
  const auto halves = solve(Recovery::none, 2);
  REQUIRE(bisected.first.status.ok());
  REQUIRE(halves.first.status.ok());
  CHECK(bisected.first.total() == halves.first.total());
  CHECK(bisected.second == halves.second);
}

TEST_CASE("of many random problems, a tenth hopeless, every one is solved or named") {
  const int problems = random_problems(1000);
  std::mt19937 random(5);
  int solved = 0;
  int named = 0;
  for (int i = 0; i < problems; ++i) {
    SampleProblem p;
    const auto tableaus = implicit_tableaus();
    p.tableau = tableaus[random() % tableaus.size()];
    p.field = random() % 2 == 0 ? FieldKind::single_layer : FieldKind::two_layer;
    p.activation = all_activations()[random() % all_activations().size()];
    p.n = static_cast<Index>(1 + random() % 3) + (i % 50 == 0 ? 15 : 0);
    p.classes = 1;
    p.running = p.terminal = CostKind::quadratic;
    p.samples = static_cast<Index>(1 + random() % 9);
    p.seed = static_cast<unsigned>(i);
    p.control_size = i % 10 == 0 ? std::pow(10.0, 1 + static_cast<double>(random() % 200)) : 1.0;
    EnsembleEvaluator<double> evaluator = make_evaluator<double>(p);
    const Control<double> u = make_control<double>(p);
    Control<double> gradient(u.layout(), u.intervals());
    const ObjectiveTerms<double> V = evaluator.value_and_gradient(u, gradient);
    if (V.status.ok()) {
      ++solved;
      CHECK(std::isfinite(V.running + V.terminal + V.control));
      const auto values = std::as_const(gradient).values();
      CHECK(std::all_of(values.begin(), values.end(), [](double g) { return std::isfinite(g); }));
    } else {
      ++named;
      CHECK(V.status.interval >= 0);
      CHECK(V.status.message().find("layer") != std::string::npos);
    }
  }
  CHECK(solved >= 0.8 * problems);
  CHECK(named >= 0.02 * problems);
  MESSAGE(solved, " solved, ", named, " named");
}

}  // namespace
}  // namespace turnpike::test
