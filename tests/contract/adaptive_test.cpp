#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "allocation_counter.hpp"
#include "dual.hpp"
#include "explicit_rk/explicit_runge_kutta.hpp"
#include "registered_problem.hpp"
#include "turnpike/conformance.hpp"
#include "turnpike/gradient_check.hpp"

namespace turnpike::test {
namespace {

using Steps = std::vector<std::pair<double, double>>;

const std::vector<std::string> adaptive_names = {"dopri5", "cash-karp54", "fehlberg78"};

IntegratorOptions tolerance(double rtol) {
  IntegratorOptions options;
  options.rtol = rtol;
  return options;
}

ButcherTableau tableau_of(const std::string& name) {
  for (const ButcherTableau& tableau : explicit_tableaus()) {
    if (tableau.name == name) {
      return tableau;
    }
  }
  FAIL("no tableau called ", name);
  return {};
}

template <class T>
ProblemDefinition<T> definition_with(SampleProblem p, const std::string& name, double rtol) {
  p.tableau = tableau_of(name);
  ProblemDefinition<T> definition = make_definition<T>(p);
  definition.integrator = builtin_integrators().make<T>(name, tolerance(rtol));
  return definition;
}

/// Passes on to another method and keeps the steps that it takes, interval after interval.
class Recording final : public IntervalMethod<double> {
 public:
  explicit Recording(std::shared_ptr<const IntervalMethod<double>> inner) : inner_(std::move(inner)) {}
  [[nodiscard]] const IntegratorTraits& traits() const override { return inner_->traits(); }
  [[nodiscard]] std::unique_ptr<IntervalWorkspace> make_workspace(
      const ControlledSystem<double>& system) const override {
    return inner_->make_workspace(system);
  }
  StepStatus advance(const ControlledSystem<double>& system, double t_begin, double t_end, Tile<double> X,
                     double& cost, Tape<double>* tape, IntervalWorkspace& workspace) const override {
    REQUIRE(tape != nullptr);
    const std::size_t first = tape->size();
    const StepStatus status = inner_->advance(system, t_begin, t_end, X, cost, tape, workspace);
    Steps steps;
    for (const TapeStep<double>& step : tape->steps(first, tape->size())) {
      steps.emplace_back(step.t, step.h);
    }
    intervals.push_back(std::move(steps));
    return status;
  }
  StepStatus pull_back(const ControlledSystem<double>& system, double t_begin, double t_end, double mu,
                       Tile<double> lambda, double* ubar, std::span<const TapeStep<double>> steps,
                       IntervalWorkspace& workspace) const override {
    return inner_->pull_back(system, t_begin, t_end, mu, lambda, ubar, steps, workspace);
  }
  mutable std::vector<Steps> intervals;

 private:
  std::shared_ptr<const IntervalMethod<double>> inner_;
};

/// Takes the given steps on dual numbers.
class Frozen final : public IntervalMethod<Dual> {
 public:
  Frozen(const ButcherTableau& tableau, std::vector<Steps> intervals)
      : method_(tableau), intervals_(std::move(intervals)) {}
  [[nodiscard]] const IntegratorTraits& traits() const override { return traits_; }
  [[nodiscard]] std::unique_ptr<IntervalWorkspace> make_workspace(
      const ControlledSystem<Dual>& system) const override {
    const Footprint footprint = method_.footprint(system);
    record_.resize(static_cast<std::size_t>(footprint.record));
    scratch_.resize(static_cast<std::size_t>(footprint.scratch));
    return std::make_unique<IntervalWorkspace>();
  }
  StepStatus advance(const ControlledSystem<Dual>& system, Dual t_begin, Dual /*t_end*/, Tile<Dual> X,
                     Dual& cost, Tape<Dual>* /*tape*/, IntervalWorkspace& /*workspace*/) const override {
    for (const Steps& steps : intervals_) {
      if (steps.front().first == t_begin.v) {
        for (const auto& [t, h] : steps) {
          REQUIRE(method_.step(system, t, h, X, cost, record_.data(), scratch_.data()).ok());
        }
      }
    }
    return {};
  }
  StepStatus pull_back(const ControlledSystem<Dual>& /*system*/, Dual /*t_begin*/, Dual /*t_end*/,
                       Dual /*mu*/, Tile<Dual> /*lambda*/, Dual* /*ubar*/,
                       std::span<const TapeStep<Dual>> /*steps*/,
                       IntervalWorkspace& /*workspace*/) const override {
    FAIL("only values are taken on dual numbers");
    return {};
  }

 private:
  ExplicitRungeKutta<Dual> method_;
  std::vector<Steps> intervals_;
  IntegratorTraits traits_;
  mutable std::vector<Dual> record_;
  mutable std::vector<Dual> scratch_;
};

TEST_CASE("the gradient is the derivative on the frozen steps, by dual numbers to 1e-12") {
  for (const std::string& name : adaptive_names) {
    for (const FieldKind field : {FieldKind::single_layer, FieldKind::two_layer}) {
      for (const CostKind cost : {CostKind::soft_cross_entropy, CostKind::quadratic}) {
        for (const double rtol : {1e-3, 1e-8}) {
          SampleProblem p;
          p.field = field;
          p.running = p.terminal = cost;
          p.control_size = 1.5;
          ProblemDefinition<double> definition = definition_with<double>(p, name, rtol);
          const auto recording = std::make_shared<Recording>(definition.integrator);
          definition.integrator = recording;
          EnsembleEvaluator<double> evaluator(definition, make_initial_state<double>(p), make_labels(p));
          const Control<double> u = make_control<double>(p);
          Control<double> gradient(u.layout(), u.intervals());
          const ObjectiveTerms<double> V = evaluator.value_and_gradient(u, gradient);
          REQUIRE(V.status.ok());
          REQUIRE(recording->intervals.size() == 3);

          p.tableau = tableau_of(name);
          ProblemDefinition<Dual> frozen = make_definition<Dual>(p);
          frozen.integrator = std::make_shared<Frozen>(p.tableau, recording->intervals);
          EnsembleEvaluator<Dual> dual(frozen, make_initial_state<Dual>(p), make_labels(p));
          Control<Dual> v = make_control<Dual>(p);
          double largest = 0;
          double error = 0;
          for (std::size_t i = 0; i < v.values().size(); ++i) {
            v.values()[i].d = 1;
            const ObjectiveTerms<Dual> terms = dual.value(v);
            v.values()[i].d = 0;
            const double exact = terms.running.d + terms.control.d + terms.terminal.d;
            largest = std::max(largest, std::abs(exact));
            error = std::max(error, std::abs(exact - std::as_const(gradient).values()[i]));
          }
          CAPTURE(name);
          CAPTURE(rtol);
          CHECK(error <= 1e-12 * largest);
        }
      }
    }
  }
}

TEST_CASE("the error follows the tolerance, in state, cost and gradient, although the control jumps") {
  SampleProblem p;
  p.control_size = 1.5;
  SampleProblem fine = p;
  fine.substeps = 200;
  OptimalControlProblem<double> exact = make_problem<double>(fine, "fehlberg78");
  const Control<double> u = make_control<double>(p);
  Control<double> exact_gradient = exact.zero_control();
  const double V = exact.value_and_gradient(u, exact_gradient).total();
  IntegrationStatus status;
  const State<double> last = exact.states(u, status).back();
  for (const std::string& name : adaptive_names) {
    double before = 1;
    for (const double rtol : {1e-4, 1e-6, 1e-8, 1e-10}) {
      OptimalControlProblem<double> problem(definition_with<double>(p, name, rtol), make_dataset<double>(p));
      Control<double> gradient = problem.zero_control();
      const double cost_error = std::abs(problem.value_and_gradient(u, gradient).total() - V);
      const double state_error = (problem.states(u, status).back() - last).cwiseAbs().maxCoeff();
      double gradient_error = 0;
      for (std::size_t i = 0; i < gradient.values().size(); ++i) {
        gradient_error =
            std::max(gradient_error, std::abs(gradient.values()[i] - exact_gradient.values()[i]));
      }
      CAPTURE(name);
      CAPTURE(rtol);
      CHECK(state_error <= 50 * rtol);
      CHECK(cost_error <= 50 * rtol);
      CHECK(gradient_error <= 500 * rtol);
      CHECK(gradient_error < before);
      before = gradient_error;
    }
  }
}

IntegratorOptions continuous(double rtol) {
  IntegratorOptions options = tolerance(rtol);
  options.adjoint = AdjointKind::continuous;
  return options;
}

TEST_CASE("the continuous adjoint follows the tolerance to the gradient of the exact objective") {
  SampleProblem p;
  p.control_size = 1.5;
  SampleProblem fine = p;
  fine.substeps = 200;
  OptimalControlProblem<double> exact = make_problem<double>(fine, "fehlberg78");
  const Control<double> u = make_control<double>(p);
  Control<double> exact_gradient = exact.zero_control();
  const double V = exact.value_and_gradient(u, exact_gradient).total();
  for (const std::string& name : adaptive_names) {
    double before = 1;
    for (const double rtol : {1e-4, 1e-6, 1e-8, 1e-10}) {
      ProblemDefinition<double> definition = definition_with<double>(p, name, rtol);
      definition.integrator = builtin_integrators().make<double>(name, continuous(rtol));
      CHECK(definition.integrator->traits().adjoint == AdjointKind::continuous);
      CHECK(definition.integrator->with_frozen_steps() == nullptr);
      OptimalControlProblem<double> problem(definition, make_dataset<double>(p));
      Control<double> gradient = problem.zero_control();
      const Objective value = problem.value_and_gradient(u, gradient);
      REQUIRE(value.status.ok());
      double error = 0;
      for (std::size_t i = 0; i < gradient.values().size(); ++i) {
        error = std::max(error, std::abs(gradient.values()[i] - exact_gradient.values()[i]));
      }
      CAPTURE(name);
      CAPTURE(rtol);
      CHECK(std::abs(value.total() - V) <= 50 * rtol);
      CHECK(error <= 50 * rtol);
      CHECK(error < before);
      before = error;
    }
  }
}

TEST_CASE("the continuous adjoint conforms, in float as well") {
  for (const std::string& name : adaptive_names) {
    ConformanceOptions options;
    options.problems = 4;
    options.integrator = continuous(1e-7);
    const ConformanceReport report = check_integrator(builtin_integrators(), name, options);
    CAPTURE(report.full());
    CHECK(report.passed());
    CHECK(report.find("adjoint-gradient-adaptive") != nullptr);
  }
}

TEST_CASE("a continuous adjoint without error control is refused") {
  IntegratorOptions options;
  options.adjoint = AdjointKind::continuous;
  CHECK_THROWS_WITH_AS((void)builtin_integrators().make<double>("dopri5", options),
                       doctest::Contains("set integrator.rtol"), InputError);
}

TEST_CASE_TEMPLATE("zero control returns every state bit for bit under error control", T, float, double) {
  for (const std::string& name : adaptive_names) {
    const SampleProblem p;
    OptimalControlProblem<T> problem(definition_with<T>(p, name, 1e-4), make_dataset<T>(p));
    IntegrationStatus status;
    const std::vector<State<T>> states = problem.states(problem.zero_control(), status);
    REQUIRE(status.ok());
    CAPTURE(name);
    CHECK(same_bits(states.back(), make_initial_state<T>(p)));
  }
}

TEST_CASE("a solution that is not finite is reported with its layer, however large the steps it allows") {
  for (const std::string& name : adaptive_names) {
    SampleProblem p;
    p.activation = Activation::identity;
    OptimalControlProblem<double> problem(definition_with<double>(p, name, 1e-6), make_dataset<double>(p));
    Control<double> u = make_control<double>(p);
    u.matrix("A2", 1).setConstant(1e200);
    u.matrix("A1", 1).setConstant(1e200);
    const Objective V = problem.value(u);
    CAPTURE(name);
    CHECK_FALSE(V.status.ok());
    CHECK(V.status.interval == 1);
  }
}

TEST_CASE("stiff controls take more steps, and a step limit ends what never ends") {
  SampleProblem p;
  p.field = FieldKind::single_layer;
  p.control_size = 300;
  OptimalControlProblem<double> problem(definition_with<double>(p, "dopri5", 1e-6), make_dataset<double>(p));
  Control<double> gradient = problem.zero_control();
  const Objective V = problem.value_and_gradient(make_control<double>(p), gradient);
  CHECK(V.status.ok());
  CHECK(std::isfinite(V.total()));
}

TEST_CASE(
    "1, 2 and 4 threads give the same bits under error control, and warm evaluations allocate nothing") {
  for (const std::string& name : adaptive_names) {
    SampleProblem p;
    p.samples = 203;
    p.tile = 32;
    const Control<double> u = make_control<double>(p);
    std::vector<Control<double>> gradients;
    for (const int threads : {1, 2, 4}) {
      p.threads = threads;
      OptimalControlProblem<double> problem(definition_with<double>(p, name, 1e-6), make_dataset<double>(p));
      gradients.push_back(problem.zero_control());
      (void)problem.value_and_gradient(u, gradients.back());
      const std::int64_t before = allocations();
      (void)problem.value_and_gradient(u, gradients.back());
      const std::int64_t allocated = allocations() - before;
      CAPTURE(name);
      CAPTURE(threads);
      CHECK(allocated == 0);
    }
    CHECK(same_bits<double>(std::as_const(gradients[0]).values(), std::as_const(gradients[1]).values()));
    CHECK(same_bits<double>(std::as_const(gradients[0]).values(), std::as_const(gradients[2]).values()));
  }
}

TEST_CASE("differences confirm the gradient on frozen steps, even at a coarse tolerance") {
  for (const std::string& name : adaptive_names) {
    SampleProblem p;
    p.samples = 60;
    p.tile = 16;
    OptimalControlProblem<double> problem(with_frozen_steps(definition_with<double>(p, name, 1e-2)),
                                          make_dataset<double>(p));
    const GradientCheckReport report = check_gradient(problem, make_control<double>(p), {});
    CAPTURE(report.full());
    CHECK(report.passed);
  }
}

TEST_CASE("tolerances out of range and contradictions are refused") {
  const IntegratorRegistry registry = builtin_integrators();
  for (const double rtol : {0.0, -1e-6, 1e-17, 1.0, static_cast<double>(NAN)}) {
    CAPTURE(rtol);
    CHECK_THROWS_WITH_AS((void)registry.make<double>("dopri5", tolerance(rtol)), doctest::Contains("rtol"),
                         InputError);
  }
  CHECK_THROWS_WITH_AS((void)registry.make<float>("dopri5", tolerance(1e-9)), doctest::Contains("float"),
                       InputError);
  IntegratorOptions both = tolerance(1e-6);
  both.substeps = 2;
  CHECK_THROWS_AS((void)registry.make<double>("fehlberg78", both), InputError);
  IntegratorOptions negative = tolerance(1e-6);
  negative.atol = -1;
  CHECK_THROWS_AS((void)registry.make<double>("cash-karp54", negative), InputError);
  CHECK(registry.make<double>("dopri5", tolerance(1e-6))->traits().adaptive);
  CHECK_FALSE(registry.make<double>("dopri5", {})->traits().adaptive);
}

}  // namespace
}  // namespace turnpike::test
