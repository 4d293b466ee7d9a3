#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "cvodes/mean_block.hpp"
#include "forward_sensitivities.hpp"
#include "problem/ensemble_system.hpp"
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
        CHECK(error <= bound);
        CHECK(error < before);
        CHECK(std::abs(problem.value(u).total() - V) <= 50 * rtol * std::abs(V));
        before = error;
      }
    }
  }
}

TEST_CASE("the adjoint agrees with CVODES' forward sensitivities") {
  for (SampleProblem p : sample_problems()) {
    p.r = 0;
    const Control<double> u = make_control<double>(p);
    p.seed = 11;
    const Control<double> d = make_control<double>(p);
    p.seed = 1;
    const double forward = directional_derivative(p, u, d, 1e-12);
    for (const std::string& name : names) {
      OptimalControlProblem<double> problem = problem_with(p, name, 1e-10);
      const std::vector<double> gradient = gradient_of(problem, u);
      double adjoint = 0;
      double size = 0;
      for (std::size_t i = 0; i < gradient.size(); ++i) {
        adjoint += gradient[i] * d.values()[i];
        size += std::abs(gradient[i] * d.values()[i]);
      }
      CAPTURE(name);
      CAPTURE(p.n);
      CHECK(std::abs(adjoint - forward) <= 1e-7 * std::abs(forward));
      CHECK(std::abs(adjoint - forward) <= 1e-8 * size);
    }
  }
}

TEST_CASE("zero control returns every state bit for bit, and the gradient there is right") {
  for (const SampleProblem& p : sample_problems()) {
    for (const std::string& name : names) {
      OptimalControlProblem<double> problem = problem_with(p, name, 1e-6);
      IntegrationStatus status;
      const Control<double> zero = problem.zero_control();
      const std::vector<State<double>> states = problem.states(zero, status);
      REQUIRE(status.ok());
      CAPTURE(name);
      CHECK(same_bits(states.back(), make_initial_state<double>(p)));
      SampleProblem fine = p;
      fine.substeps = 20;
      OptimalControlProblem<double> exact = make_problem<double>(fine, "fehlberg78");
      CHECK(relative_error(gradient_of(problem, zero), gradient_of(exact, zero)) <= 1e-5);
    }
  }
}

TEST_CASE("intervals of many steps are differentiated like those of few") {
  // A stiff control between mild ones: hundreds of steps in that interval, more than CVODES first keeps.
  for (const Index n : {2, 12}) {
    SampleProblem p;
    p.field = FieldKind::single_layer;
    p.n = n;
    p.classes = 2;
    p.samples = 21;
    p.control_size = 0.5;
    Control<double> u = make_control<double>(p);
    u.matrix("A", 1) *= 60.0;
    SampleProblem fine = p;
    fine.substeps = 3000;
    OptimalControlProblem<double> exact = make_problem<double>(fine, "fehlberg78");
    const std::vector<double> expected = gradient_of(exact, u);
    for (const std::string& name : names) {
      OptimalControlProblem<double> problem = problem_with(p, name, 1e-7);
      const std::vector<double> first = gradient_of(problem, u);
      CAPTURE(name);
      CAPTURE(n);
      CHECK(relative_error(first, expected) <= 1e-4);
      (void)gradient_of(problem, problem.zero_control());
      CHECK(gradient_of(problem, u) == first);
    }
  }
}

TEST_CASE("Newton's method takes a stiff contraction in few steps, GMRES too") {
  for (const Index n : {2, 12}) {
    SampleProblem p;
    p.field = FieldKind::single_layer;
    p.n = n;
    p.classes = 2;
    Control<double> u(make_field<double>(p)->layout(), p.grid.intervals());
    for (Index k = 0; k < u.intervals(); ++k) {
      u.matrix("A", k) = -1e5 * Eigen::MatrixXd::Identity(n, n);
    }
    OptimalControlProblem<double> problem = problem_with(p, "cvodes-bdf", 1e-6);
    IntegrationStatus status;
    const State<double> last = problem.states(u, status).back();
    CAPTURE(n);
    REQUIRE(status.ok());
    CHECK(last.cwiseAbs().maxCoeff() <= 1e-4);
    for (const double entry : gradient_of(problem, u)) {
      CHECK(std::isfinite(entry));
    }
  }
}

/// One interval of a sample problem, for calls that no problem makes.
struct Interval {
  explicit Interval(const SampleProblem& problem, const std::string& name, double rtol = 1e-8)
      : p(problem),
        field(make_field<double>(p)),
        cost(make_cost<double>(p, p.running)),
        u(make_control<double>(p)),
        targets(cost->rows(), p.samples),
        system(*field, cost.get(), p.samples),
        method(builtin_integrators().make<double>(name, tolerance(rtol))),
        workspace(method->make_workspace(system)) {
    cost->make_targets(make_labels(p), tile_of(targets));
    system.set_targets(tile_of(std::as_const(targets)), 1.0 / static_cast<double>(p.samples));
    system.set_control(u.interval(0));
  }

  SampleProblem p;
  std::unique_ptr<VectorField<double>> field;
  std::unique_ptr<Cost<double>> cost;
  Control<double> u;
  State<double> targets;
  EnsembleSystem<double> system;
  std::unique_ptr<IntervalMethod<double>> method;
  std::unique_ptr<IntervalWorkspace> workspace;
};

TEST_CASE("the preconditioner of wide states inverts I + c F_X where all samples have the same Jacobian") {
  for (const Index samples : {Index{1}, Index{5}, Index{30}}) {  // fewer than components, and more
    SampleProblem p;
    p.n = 12;
    p.h = 7;
    p.samples = samples;
    Interval interval(p, "cvodes-bdf");
    State<double> X = make_initial_state<double>(p);
    X.colwise() = Eigen::VectorXd(X.col(0));
    State<double> slope(p.n, samples);
    State<double> z(p.n, samples);
    State<double> product(p.n, samples);
    const State<double> r = make_initial_state<double>(p);
    std::vector<double> record(static_cast<std::size_t>(interval.system.record_size()));
    (void)interval.system.evaluate(0, tile_of(std::as_const(X)), tile_of(slope), record.data());
    cvodes::MeanBlock block(p.n, samples);
    block.set_jacobian(interval.system, record.data());
    for (const double c : {-0.4, 3.0}) {
      CAPTURE(samples);
      CAPTURE(c);
      REQUIRE(block.set_up(c));
      block.solve(r.data(), z.data());
      interval.system.apply(record.data(), tile_of(std::as_const(z)), tile_of(product));
      CHECK((z + c * product - r).cwiseAbs().maxCoeff() < 1e-12);
      REQUIRE(block.set_up_transposed(c));
      block.solve(r.data(), z.data());
      interval.system.apply_transposed(record.data(), tile_of(std::as_const(z)), tile_of(product));
      CHECK((z + c * product - r).cwiseAbs().maxCoeff() < 1e-12);
    }
    CHECK_FALSE(block.set_up(std::numeric_limits<double>::quiet_NaN()));
  }
}

TEST_CASE("the running cost enters with its factor, and gradients accumulate") {
  for (const std::string& name : names) {
    Interval interval(SampleProblem{}, name);
    const Index n = interval.p.n;
    State<double> X = make_initial_state<double>(interval.p);
    Tape<double> tape;
    double cost = 2;
    REQUIRE(interval.method->advance(interval.system, 0.25, 1.0, tile_of(X), cost, &tape, *interval.workspace)
                .ok());
    CHECK(cost > 2);
    REQUIRE(tape.size() == 1);
    SampleProblem other = interval.p;
    other.seed = 9;
    const auto pull_back = [&](double mu, double lambda_factor, std::vector<double>& ubar) {
      State<double> lambda = lambda_factor * make_initial_state<double>(other);
      REQUIRE(interval.method
                  ->pull_back(interval.system, 0.25, 1.0, mu, tile_of(lambda), ubar.data(), tape.steps(0, 1),
                              *interval.workspace)
                  .ok());
      return lambda;
    };
    const auto controls = static_cast<std::size_t>(interval.u.layout().size());
    std::vector<double> both(controls, 3.0);
    std::vector<double> apart(controls, 3.0);
    const State<double> sum = pull_back(0.7, 1, both);
    const State<double> parts = pull_back(0, 1, apart) + pull_back(0.7, 0, apart);
    CAPTURE(name);
    CHECK(n == sum.rows());
    CHECK((sum - parts).cwiseAbs().maxCoeff() <= 1e-6);
    CHECK(relative_error(both, apart) <= 1e-6);
  }
}

TEST_CASE("a failed interval leaves state and cost as they were, and says why") {
  for (const std::string& name : names) {
    SampleProblem p;
    p.activation = Activation::identity;
    Interval interval(p, name);
    interval.u.matrix("A1", 0).setConstant(1e200);
    interval.u.matrix("A2", 0).setConstant(1e200);
    State<double> X = make_initial_state<double>(p);
    double cost = 2;
    const StepStatus status =
        interval.method->advance(interval.system, 0.5, 1.0, tile_of(X), cost, nullptr, *interval.workspace);
    CAPTURE(name);
    CHECK(status.outcome == StepOutcome::not_finite);
    CHECK(status.t == 0.5);
    CHECK(status.h > 0);
    REQUIRE(status.detail != nullptr);
    CHECK(std::string(status.detail).find("CV_FIRST_RHSFUNC_ERR") != std::string::npos);
    CHECK(same_bits(X, make_initial_state<double>(p)));
    CHECK(cost == 2);
  }
}

TEST_CASE("what takes too many steps is reported with a remedy") {
  SampleProblem p;
  p.field = FieldKind::single_layer;
  Control<double> u(make_field<double>(p)->layout(), p.grid.intervals());
  for (Index k = 0; k < u.intervals(); ++k) {
    u.matrix("A", k) = -1e7 * Eigen::MatrixXd::Identity(p.n, p.n);
  }
  OptimalControlProblem<double> problem = problem_with(p, "cvodes-adams", 1e-6);
  const Objective V = problem.value(u);
  CHECK(V.status.step.outcome == StepOutcome::too_many_steps);
  CHECK(V.status.interval == 0);
  CHECK(V.status.message().find("CV_TOO_MUCH_WORK: raise integrator.rtol") != std::string::npos);
}

TEST_CASE("of many random problems, more than a tenth hopeless, every one is solved or named") {
  const int problems = random_problems(300);
  std::mt19937 random(5);
  int solved = 0;
  int named = 0;
  for (int i = 0; i < problems; ++i) {
    SampleProblem p;
    p.field = random() % 2 == 0 ? FieldKind::single_layer : FieldKind::two_layer;
    p.activation = all_activations()[random() % all_activations().size()];
    p.n = static_cast<Index>(1 + random() % 3) + (i % 10 == 0 ? 9 : 0);
    p.classes = 1;
    p.running = p.terminal = CostKind::quadratic;
    p.samples = static_cast<Index>(1 + random() % 9);
    p.seed = static_cast<unsigned>(i);
    p.control_size = i % 4 == 0 ? std::pow(10.0, 1 + static_cast<double>(random() % 200)) : 1.0;
    const double rtol = std::pow(10.0, -1 - static_cast<double>(random() % 14));
    const std::string& name = names[random() % 2];
    OptimalControlProblem<double> problem = problem_with(p, name, rtol);
    Control<double> gradient = problem.zero_control();
    const Objective V = problem.value_and_gradient(make_control<double>(p), gradient);
    if (V.status.ok()) {
      ++solved;
      CHECK(std::isfinite(V.total()));
      const auto values = std::as_const(gradient).values();
      CHECK(std::all_of(values.begin(), values.end(), [](double g) { return std::isfinite(g); }));
    } else {
      ++named;
      CHECK(V.status.interval >= 0);
      CHECK(V.status.step.outcome != StepOutcome::ok);
      CHECK(V.status.step.outcome != StepOutcome::solver_failed);
    }
  }
  CHECK(solved >= 0.5 * problems);
  CHECK(named >= 0.06 * problems);
  MESSAGE(solved, " solved, ", named, " named");
}

TEST_CASE("options that CVODES does not take are refused") {
  const IntegratorRegistry registry = builtin_integrators();
  for (const std::string& name : names) {
    const auto refused = [&](const IntegratorOptions& options, const char* word) {
      CHECK_THROWS_WITH_AS((void)registry.make<double>(name, options), doctest::Contains(word), InputError);
    };
    for (const double bad : {0.0, -1e-6, 1e-15, 1.0, static_cast<double>(NAN)}) {
      CAPTURE(bad);
      refused(tolerance(bad), "rtol");
    }
    IntegratorOptions options;
    options.atol = -1;
    refused(options, "atol");
    options = {};
    options.substeps = 2;
    refused(options, "substeps");
    options = {};
    options.adjoint = AdjointKind::discrete;
    refused(options, "continuous adjoint only");
    options = {};
    options.recovery = Recovery::bisect;
    refused(options, "recovery");
    CHECK_THROWS_WITH_AS((void)registry.make<float>(name, {}), doctest::Contains("double"), InputError);
    options = {};
    options.adjoint = AdjointKind::continuous;
    CHECK(registry.make<double>(name, options)->traits().adaptive);
    CHECK(registry.make<double>(name, {})->with_frozen_steps() == nullptr);
  }
}

}  // namespace
}  // namespace turnpike::test
