#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "dual.hpp"
#include "registered_problem.hpp"

namespace turnpike::test {
namespace {

/// ∇V by dual numbers, entry by entry.
std::vector<double> dual_gradient(const SampleProblem& p) {
  EnsembleEvaluator<Dual> evaluator = make_evaluator<Dual>(p);
  Control<Dual> u = make_control<Dual>(p);
  std::vector<double> gradient;
  for (Dual& entry : u.values()) {
    entry.d = 1;
    const ObjectiveTerms<Dual> terms = evaluator.value(u);
    gradient.push_back(terms.running.d + terms.control.d + terms.terminal.d);
    entry.d = 0;
  }
  return gradient;
}

template <class T>
std::vector<double> adjoint_gradient(const SampleProblem& p) {
  EnsembleEvaluator<T> evaluator = make_evaluator<T>(p);
  const Control<T> u = make_control<T>(p);
  Control<T> gradient(u.layout(), u.intervals());
  const ObjectiveTerms<T> terms = evaluator.value_and_gradient(u, gradient);
  REQUIRE(terms.status.ok());
  return {gradient.values().begin(), gradient.values().end()};
}

/// max |x − y| / max |y|.
double relative_error(const std::vector<double>& x, const std::vector<double>& y) {
  REQUIRE(x.size() == y.size());
  double difference = 0;
  double size = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    REQUIRE(std::isfinite(x[i]));
    difference = std::max(difference, std::abs(x[i] - y[i]));
    size = std::max(size, std::abs(y[i]));
  }
  return difference / size;
}

TEST_CASE("every scheme with equal steps is held against dual numbers") {
  const std::vector<ButcherTableau> tableaus = all_tableaus();
  for (const std::string& name : fixed_step_names()) {
    CAPTURE(name);
    CHECK(std::any_of(tableaus.begin(), tableaus.end(), [&](const auto& t) { return t.name == name; }));
  }
}

TEST_CASE(
    "the adjoint gradient equals the derivative by dual numbers to 1e-12, implicit ones to 1e-11, in more "
    "than 200 "
    "cases") {
  double worst = 0;
  int cases = 0;
  for (const ButcherTableau& tableau : all_tableaus()) {
    for (const FieldKind field : {FieldKind::single_layer, FieldKind::two_layer}) {
      for (const Activation activation : all_activations()) {
        if (!is_smooth(activation)) {
          continue;
        }
        for (const CostKind cost :
             {CostKind::soft_cross_entropy, CostKind::cross_entropy, CostKind::quadratic}) {
          for (const Index substeps : {1, 2, 3}) {
            SampleProblem p;
            p.tableau = tableau;
            p.field = field;
            p.activation = activation;
            p.running = cost;
            p.terminal = cost;
            p.substeps = substeps;
            p.seed = static_cast<unsigned>(++cases);
            if (sanitized && cases % 8 != 0) {
              continue;
            }
            const double error = relative_error(adjoint_gradient<double>(p), dual_gradient(p));
            worst = std::max(worst, error);
            CAPTURE(tableau.name);
            CAPTURE(name_of(activation));
            CAPTURE(substeps);
            CHECK(error <= (tableau.is_explicit() ? 1e-12 : 1e-11));
          }
        }
      }
    }
  }
  CHECK(cases > 8 * 200);
  MESSAGE("largest relative error of ", cases, " gradients: ", worst);
}

TEST_CASE("a gradient that is off by 1e-9 does not pass for exact") {
  SampleProblem p;
  p.tableau = explicit_tableaus().back();
  const std::vector<double> exact = dual_gradient(p);
  std::vector<double> perturbed = adjoint_gradient<double>(p);
  CHECK(relative_error(perturbed, exact) <= 1e-12);
  *std::max_element(perturbed.begin(), perturbed.end()) *= 1 + 1e-9;
  CHECK(relative_error(perturbed, exact) > 1e-12);
}

TEST_CASE("the adjoint is exact for outer activations, one hidden unit, and every way to large n") {
  for (const Index n : {1, 2, 4, 5, 9}) {
    for (const Index h : {1, 3, 8}) {
      for (const Activation outer : {Activation::identity, Activation::tanh, Activation::gelu}) {
        SampleProblem p;
        p.tableau = explicit_tableaus()[5];
        p.n = n;
        p.h = h;
        p.classes = 2;
        p.running = p.terminal = n == 1 ? CostKind::quadratic : CostKind::soft_cross_entropy;
        p.classes = n == 1 ? 1 : 2;
        p.outer = outer;
        p.samples = 21;
        CAPTURE(n);
        CAPTURE(h);
        CHECK(relative_error(adjoint_gradient<double>(p), dual_gradient(p)) <= 1e-12);
      }
    }
  }
}

TEST_CASE("the adjoint of a residual network is exact") {
  for (const Index n : {3, 7}) {
    for (const Quadrature quadrature : {Quadrature::scheme, Quadrature::nodes}) {
      SampleProblem p = residual_network();
      p.tableau = explicit_tableaus().front();
      p.n = n;
      p.quadrature = quadrature;
      REQUIRE(p.tableau.name == "explicit-euler");
      CHECK(relative_error(adjoint_gradient<double>(p), dual_gradient(p)) <= 1e-12);
    }
  }
}

TEST_CASE("gradients of kinked activations are exact where no sample sits on a kink") {
  for (const Activation activation : {Activation::relu, Activation::leaky_relu}) {
    SampleProblem p;
    p.tableau = explicit_tableaus()[5];
    p.activation = activation;
    CHECK(relative_error(adjoint_gradient<double>(p), dual_gradient(p)) <= 1e-12);
  }
}

TEST_CASE("the adjoint of the trapezoidal quadrature over the nodes is exact") {
  for (const ButcherTableau& tableau : all_tableaus()) {
    SampleProblem p;
    p.tableau = tableau;
    p.substeps = 2;
    p.quadrature = Quadrature::nodes;
    CHECK(relative_error(adjoint_gradient<double>(p), dual_gradient(p)) <= 1e-12);
  }
}

TEST_CASE("gradients in float agree with those in double to single precision") {
  for (const ButcherTableau& tableau : all_tableaus()) {
    SampleProblem p;
    p.tableau = tableau;
    p.substeps = 2;
    CHECK(relative_error(adjoint_gradient<float>(p), adjoint_gradient<double>(p)) <= 2e-6);
  }
}

/// ℓ(x, u) = w (1 + ‖u‖²) x₁² + ‖u‖²: a running cost that depends on the control.
template <class T>
class ControlDependentCost final : public Cost<T> {
 public:
  explicit ControlDependentCost(Index control_dimension) : control_dimension_(control_dimension) {}
  [[nodiscard]] Index rows() const override { return 1; }
  [[nodiscard]] std::span<const Index> components() const override { return components_; }
  void make_targets(std::span<const int> /*labels*/, Tile<T> /*targets*/) const override {}
  [[nodiscard]] bool depends_on_control() const override { return true; }

  T evaluate(const T* u, ConstTile<T> X, ConstTile<T> /*targets*/, T scale, Tile<T> gradient) const override {
    T sum(0);
    for (Index d = 0; d < X.columns; ++d) {
      sum += (T(1) + square(u)) * X(0, d) * X(0, d) + square(u);
      gradient(0, d) = scale * T(2) * (T(1) + square(u)) * X(0, d);
    }
    return scale * sum;
  }
  void add_control_gradient(const T* u, ConstTile<T> X, ConstTile<T> /*targets*/, T scale, T mu,
                            T* ubar) const override {
    T sum(0);
    for (Index d = 0; d < X.columns; ++d) {
      sum += X(0, d) * X(0, d) + T(1);
    }
    for (Index i = 0; i < control_dimension_; ++i) {
      ubar[i] += mu * scale * T(2) * u[i] * sum;
    }
  }

 private:
  [[nodiscard]] T square(const T* u) const {
    T sum(0);
    for (Index i = 0; i < control_dimension_; ++i) {
      sum += u[i] * u[i];
    }
    return sum;
  }
  std::vector<Index> components_ = {0};
  Index control_dimension_;
};

template <class T>
EnsembleEvaluator<T> evaluator_with_control_cost(const SampleProblem& p) {
  ProblemDefinition<T> definition = make_definition<T>(p);
  definition.running = std::make_shared<ControlDependentCost<T>>(definition.field->layout().size());
  return EnsembleEvaluator<T>(definition, make_initial_state<T>(p), make_labels(p));
}

TEST_CASE("a running cost that depends on the control has its ∂ℓ/∂u in the gradient") {
  for (const ButcherTableau& tableau : all_tableaus()) {
    SampleProblem p;
    p.tableau = tableau;
    p.substeps = 2;
    EnsembleEvaluator<double> evaluator = evaluator_with_control_cost<double>(p);
    EnsembleEvaluator<Dual> by_duals = evaluator_with_control_cost<Dual>(p);
    const Control<double> u = make_control<double>(p);
    Control<double> gradient(u.layout(), u.intervals());
    evaluator.value_and_gradient(u, gradient);
    Control<Dual> u_dual = make_control<Dual>(p);
    std::vector<double> exact;
    for (Dual& entry : u_dual.values()) {
      entry.d = 1;
      const ObjectiveTerms<Dual> terms = by_duals.value(u_dual);
      exact.push_back(terms.running.d + terms.control.d + terms.terminal.d);
      entry.d = 0;
    }
    CHECK(relative_error({gradient.values().begin(), gradient.values().end()}, exact) <= 1e-12);
  }
}

TEST_CASE("J and its transpose satisfy the dot-product identity, and the parts add up to the pull-back") {
  for (const FieldKind kind : {FieldKind::single_layer, FieldKind::two_layer}) {
    for (const Activation activation : all_activations()) {
      SampleProblem p;
      p.field = kind;
      p.activation = activation;
      p.outer = Activation::softsign;
      p.tableau = explicit_tableaus()[0];
      const ProblemDefinition<double> definition = make_definition<double>(p);
      EnsembleSystem<double> system(*definition.field, definition.running.get(), p.samples);
      State<double> targets(p.classes, p.samples);
      definition.running->make_targets(make_labels(p), tile_of(targets));
      system.set_targets(tile_of(std::as_const(targets)), 1.0 / 13);
      const Control<double> u = make_control<double>(p);
      system.set_control(u.interval(0));
      const State<double> X = make_initial_state<double>(p);
      State<double> Xdot(p.n, p.samples);
      std::vector<double> record(static_cast<std::size_t>(system.record_size()));
      system.evaluate(0, tile_of(X), tile_of(Xdot), record.data());

      p.seed = 2;
      const State<double> V = make_initial_state<double>(p);
      p.seed = 3;
      const State<double> Lambda = make_initial_state<double>(p);
      State<double> JV(p.n, p.samples);
      State<double> JtLambda(p.n, p.samples);
      system.apply(record.data(), tile_of(V), tile_of(JV));
      system.apply_transposed(record.data(), tile_of(Lambda), tile_of(JtLambda));
      const double left = Lambda.cwiseProduct(JV).sum();
      CHECK(std::abs(left - JtLambda.cwiseProduct(V).sum()) <= 1e-14 * Lambda.norm() * JV.norm());

      const double mu = 0.7;
      State<double> Xbar(p.n, p.samples);
      State<double> cost_gradient(p.n, p.samples);
      std::vector<double> ubar(static_cast<std::size_t>(u.layout().size()), 0.0);
      std::vector<double> ubar_by_parts = ubar;
      system.pull_back(record.data(), tile_of(Lambda), mu, tile_of(Xbar), ubar.data());
      system.accumulate_control(record.data(), tile_of(Lambda), mu, ubar_by_parts.data());
      system.cost_gradient(record.data(), tile_of(cost_gradient));
      CHECK((Xbar - JtLambda - mu * cost_gradient).norm() <= 1e-14 * Xbar.norm());
      CHECK(relative_error(ubar, ubar_by_parts) <= 1e-14);
    }
  }
}

}  // namespace
}  // namespace turnpike::test
