#include "turnpike/comparison.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>

#include "turnpike/error.hpp"

namespace turnpike::test {
namespace {

/// Two spirals, small.
Experiment<double> small_experiment() {
  RunConfig config = recipe("two-spirals");
  config.run.precision = "double";
  config.data.per_class = 12;
  config.control.intervals = 6;
  config.control.horizon = 6;
  config.control.initialization = "uniform";
  config.optimizer.epochs = 20;
  return load_experiment(config);
}

Control<double> control_of(const Experiment<double>& e, const IntegratorRegistry& integrators) {
  return initial_control(e.config, make_definition<double>(e.config, e.train.class_count(), integrators));
}

TEST_CASE("entries of a list become configurations, and what is no entry is refused") {
  const IntegratorRegistry integrators = builtin_integrators();
  const RunConfig base = recipe("two-spirals-ode");
  const std::vector<ComparedScheme> schemes =
      compared_schemes(base, "explicit-euler,rk4:substeps=16,dopri5:rtol=1e-8:atol=1e-10", integrators);
  REQUIRE(schemes.size() == 3);
  CHECK_FALSE(schemes[0].config.integrator.rtol.has_value());  // not that of the base
  CHECK(schemes[1].entry == "rk4:substeps=16");
  CHECK(*schemes[1].config.integrator.substeps == 16);
  CHECK(*schemes[2].config.integrator.atol == 1e-10);
  for (const char* list : {"", "rk4,", "rk4:16", "rk4:name=rk4", "rk4:substeps=", "rk5", "rk4:rtol=1e-6"}) {
    CAPTURE(list);
    CHECK_THROWS_AS((void)compared_schemes(base, list, integrators), InputError);
  }
}

TEST_CASE("two schemes agree on the reference to 1e-13 in V and 1e-11 in states and gradient") {
  const IntegratorRegistry integrators = builtin_integrators();
  const Experiment<double> e = small_experiment();
  const Comparison comparison(e, control_of(e, integrators), integrators);
  const SchemeErrors& apart = comparison.reference().apart;
  CHECK(apart.cost <= 1e-13);
  CHECK(apart.state <= 1e-11);
  CHECK(apart.gradient <= 1e-11);
}

TEST_CASE("work is counted a sample: stages forward, and as many products back") {
  const IntegratorRegistry integrators = builtin_integrators();
  const Experiment<double> e = small_experiment();
  const Comparison comparison(e, control_of(e, integrators), integrators);
  for (const auto& [entry, stages] : {std::pair("explicit-euler", 1.0), std::pair("rk4", 4.0)}) {
    const SchemeRow row = comparison.measure(compared_schemes(e.config, entry, integrators).front());
    REQUIRE(row.solution.objective.status.ok());
    CHECK(row.work.evaluations == 6 * stages);
    CHECK(row.work.products == 6 * stages);
    CHECK(row.work.solves == 0);
    CHECK(row.seconds > 0);
  }
  // At least one Newton iteration forward and one transposed solve back, for each step; Gauss 4 solves both
  // stages at once.
  for (const char* entry : {"implicit-midpoint", "gauss4", "cvodes-bdf:rtol=1e-4"}) {
    const SchemeRow row = comparison.measure(compared_schemes(e.config, entry, integrators).front());
    REQUIRE(row.solution.objective.status.ok());
    CAPTURE(row.work.solves);
    CHECK(row.work.solves >= 12);
    CHECK(row.work.solves < 2 * row.work.evaluations);
  }
}

TEST_CASE("the slopes of the work-precision picture are the orders of the schemes") {
  const IntegratorRegistry integrators = builtin_integrators();
  const Experiment<double> e = small_experiment();
  const Comparison comparison(e, control_of(e, integrators), integrators);
  for (const std::string name : {"explicit-euler", "heun", "rk4", "dopri5", "implicit-midpoint", "radau5"}) {
    const WorkPrecision ladder =
        comparison.work_precision(compared_schemes(e.config, name, integrators).front());
    CAPTURE(name);
    CHECK_FALSE(ladder.tolerance);
    for (const std::optional<double>& observed :
         {ladder.state_order, ladder.cost_order, ladder.gradient_order}) {
      REQUIRE(observed.has_value());
      CHECK(std::abs(*observed - ladder.order) <= 0.15);
    }
  }
}

TEST_CASE("a ladder of tolerances gains precision with work") {
  const IntegratorRegistry integrators = builtin_integrators();
  const Experiment<double> e = small_experiment();
  const Comparison comparison(e, control_of(e, integrators), integrators);
  for (const char* entry : {"dopri5:rtol=1e-6", "cvodes-adams"}) {
    const WorkPrecision ladder =
        comparison.work_precision(compared_schemes(e.config, entry, integrators).front());
    CAPTURE(entry);
    CHECK(ladder.tolerance);
    REQUIRE(ladder.points.size() == 10);
    CHECK(ladder.points.back().work.evaluations > 2 * ladder.points.front().work.evaluations);
    CHECK(ladder.points.back().errors.state < 1e-4 * ladder.points.front().errors.state);
    CHECK(ladder.points.back().errors.gradient < 1e-4 * ladder.points.front().errors.gradient);
  }
}

TEST_CASE("an exchange trains with each scheme and runs each control with all, its own giving its own V") {
  const IntegratorRegistry integrators = builtin_integrators();
  const Experiment<double> e = small_experiment();
  const std::vector<ComparedScheme> schemes =
      compared_schemes(e.config, "explicit-euler,rk4:substeps=2,dopri5:rtol=1e-5", integrators);
  std::int64_t epochs = 0;
  const std::atomic<bool> go_on = false;
  const std::vector<TrainedScheme> trained = train_and_exchange(
      e, schemes, integrators, [&](const std::string&, const EpochMetrics&) { ++epochs; }, go_on);
  REQUIRE(trained.size() == 3);
  CHECK(epochs == 3 * e.config.optimizer.epochs);
  for (std::size_t i = 0; i < 3; ++i) {
    const TrainedScheme& t = trained[i];
    CAPTURE(t.entry);
    REQUIRE(t.cells.size() == 3);
    REQUIRE(t.refinement.size() == 4);
    OptimalControlProblem<double> problem(
        make_definition<double>(schemes[i].config, e.train.class_count(), integrators), e.train);
    CHECK(t.cells[i].objective == problem.value(t.control).total());
    CHECK(t.cells[i].objective < problem.value(control_of(e, integrators)).total());
  }
  // Euler's control is not that of the differential equation, and finer steps go the way to what it is there.
  const std::vector<ExchangeCell>& euler = trained[0].refinement;
  const double converged = euler.back().objective;
  CHECK(std::abs(trained[0].cells[0].objective - converged) > std::abs(euler[0].objective - converged));
  CHECK(std::abs(euler[0].objective - converged) > std::abs(euler[2].objective - converged));
  CHECK(euler[2].entry == "explicit-euler:substeps=8");
  CHECK(std::abs(trained[2].cells[2].objective - trained[2].refinement.back().objective) <
        1e-3 * trained[2].cells[2].objective);
  CHECK(trained[2].refinement[1].entry == "dopri5:rtol=1e-07");
}

TEST_CASE("an exchange that is stopped leaves out what is not trained to the end") {
  const IntegratorRegistry integrators = builtin_integrators();
  const Experiment<double> e = small_experiment();
  std::atomic<bool> stop = false;
  const std::vector<TrainedScheme> trained = train_and_exchange(
      e, compared_schemes(e.config, "explicit-euler,rk4", integrators), integrators,
      [&](const std::string& entry, const EpochMetrics&) { stop = stop || entry == "rk4"; }, stop);
  REQUIRE(trained.size() == 1);
  CHECK(trained.front().entry == "explicit-euler");
}

TEST_CASE("a contractive start has its equilibria and its stiffness where it says") {
  const IntegratorRegistry integrators = builtin_integrators();
  for (const char* kind : {"two-layer", "single-layer"}) {
    RunConfig config = recipe("two-spirals");
    config.field.kind = kind;
    config.field.state = 3;
    config.control.intervals = 4;
    config.control.horizon = 8;
    config.control.initialization = "contractive";
    config.control.stiffness = 300;
    const Experiment<double> e = load_experiment(config);
    const ProblemDefinition<double> definition =
        make_definition<double>(e.config, e.train.class_count(), integrators);
    const Control<double> u = initial_control(e.config, definition);
    // Long under implicit Euler with tiny steps, every sample rests at the equilibrium of the last interval.
    RunConfig implicit = e.config;
    implicit.integrator.name = "implicit-euler";
    implicit.integrator.substeps = 400;
    OptimalControlProblem<double> problem(
        make_definition<double>(implicit, e.train.class_count(), integrators), e.train);
    IntegrationStatus status;
    const State<double> X = problem.states(u, status).back();
    REQUIRE(status.ok());
    const VectorField<double>& field = *definition.field;
    std::vector<double> record(static_cast<std::size_t>(field.record_size(1)));
    std::vector<double> scratch(static_cast<std::size_t>(field.scratch_size(1)));
    const State<double> x = X.col(0);
    State<double> slope(3, 1);
    State<double> product(3, 1);
    field.evaluate(u.interval(3), tile_of(x), tile_of(slope), record.data(), scratch.data());
    CHECK(slope.cwiseAbs().maxCoeff() < 1e-9);
    State<double> first = State<double>::Zero(3, 1);
    first(0, 0) = 1;
    field.apply(u.interval(3), record.data(), tile_of(std::as_const(first)), tile_of(product),
                scratch.data());
    CHECK(2 * product(0, 0) == doctest::Approx(-300));  // h = 2
  }
}

TEST_CASE("a contractive start of a hidden layer that is too narrow is refused") {
  RunConfig config = recipe("two-spirals");
  config.field.hidden = 2;
  config.field.state = 3;
  config.control.initialization = "contractive";
  const Experiment<double> e = load_experiment(config);
  const ProblemDefinition<double> definition =
      make_definition<double>(e.config, e.train.class_count(), builtin_integrators());
  CHECK_THROWS_WITH_AS((void)initial_control(e.config, definition), doctest::Contains("field.hidden"),
                       InputError);
}

TEST_CASE("kinks limit the reference, which says so and how far it can be trusted") {
  const IntegratorRegistry integrators = builtin_integrators();
  Experiment<double> e = small_experiment();
  e.config.field.activation = "relu";
  const Comparison comparison(e, control_of(e, integrators), integrators);
  const ReferenceSolution& reference = comparison.reference();
  CHECK(reference.limited_by_kinks);
  CHECK(reference.apart.cost > 1e-12);
  CHECK(reference.apart.cost < 1e-3);
  const SchemeRow row = comparison.measure(compared_schemes(e.config, "explicit-euler", integrators).front());
  CHECK(row.errors.cost > 10 * reference.apart.cost);
}

TEST_CASE("a stiff field has a reference, and BDF finds its solution where RK4 does not") {
  const IntegratorRegistry integrators = builtin_integrators();
  RunConfig config = recipe("two-spirals");
  config.run.precision = "double";
  config.data.per_class = 4;
  config.data.scale = 1;
  config.field.state = 3;
  config.control.intervals = 3;
  config.control.initialization = "contractive";
  config.control.stiffness = 1000;
  const Experiment<double> e = load_experiment(config);
  const Comparison comparison(e, control_of(e, integrators), integrators);
  const auto errors = [&](const char* entry) {
    const SchemeRow row = comparison.measure(compared_schemes(e.config, entry, integrators).front());
    REQUIRE(row.solution.objective.status.ok());
    return row.errors;
  };
  CHECK(errors("cvodes-bdf:rtol=1e-6").state < 1e-5);
  CHECK(errors("cvodes-bdf:rtol=1e-6").gradient < 1e-3);
  CHECK(errors("rk4:substeps=16").state > 0.1);
}

}  // namespace
}  // namespace turnpike::test
