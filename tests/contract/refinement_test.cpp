#include "turnpike/refinement.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "registered_problem.hpp"

namespace turnpike::test {
namespace {

struct Subject {
  ProblemDefinition<double> definition;
  Dataset<double> data;
  Control<double> u;
};

Subject subject(const SampleProblem& p, const std::string& name, const IntegratorOptions& options,
                const IntegratorRegistry& registry) {
  SampleProblem with_tableau = p;
  with_tableau.tableau = explicit_tableaus().front();
  Subject s{make_definition<double>(with_tableau), make_dataset<double>(p), make_control<double>(p)};
  s.definition.integrator = registry.make<double>(name, options);
  return s;
}

TEST_CASE("each row is the same control under its scheme, and finer steps approach the converged solution") {
  const IntegratorRegistry registry = builtin_integrators();
  const SampleProblem p;
  for (const auto& [name, order] :
       {std::pair<std::string, int>{"explicit-euler", 1}, {"rk4", 4}, {"gauss4", 4}}) {
    CAPTURE(name);
    IntegratorOptions options;
    options.substeps = name == "explicit-euler" ? 32 : 8;  // where the orders show
    const Subject s = subject(p, name, options, registry);
    const RefinementGap gap = refinement_gap(s.definition, options, s.data, s.u, registry);
    CHECK(gap.samples == p.samples);
    REQUIRE(gap.finer.size() == 3);
    REQUIRE(gap.converged.has_value());
    CHECK(gap.skipped.empty());
    OptimalControlProblem<double> problem(s.definition, s.data);
    const Objective V = problem.value(s.u);
    CHECK(gap.own.objective == V.total());
    CHECK(gap.own.accuracy == V.accuracy);
    CHECK(gap.own.terminal_loss == doctest::Approx(V.terminal / p.gamma).epsilon(1e-12));
    CHECK(gap.finer[2].scheme == name + ":substeps=" + std::to_string(8 * *options.substeps));
    // A halved step divides the error by 2^order, hence also what one rung changes of V.
    double V_before = gap.own.objective;
    double change_before = 0;
    for (const RefinedRun& run : gap.finer) {
      CHECK(run.failure.empty());
      const double change = std::abs(run.objective - V_before);
      if (change_before > 0) {
        CHECK(change <= change_before * 1.3 / std::pow(2, order));
      }
      change_before = change;
      V_before = run.objective;
    }
    CHECK(std::abs(V_before - gap.converged->objective) <= 1.5 * change_before + 1e-6);
    CHECK(*gap.relative() == doctest::Approx(std::abs(gap.own.objective / gap.converged->objective - 1)));
  }
}

TEST_CASE("schemes under error control get smaller tolerances instead") {
  const IntegratorRegistry registry = builtin_integrators();
  IntegratorOptions options;
  options.rtol = 1e-3;
  const Subject s = subject({}, "dopri5", options, registry);
  const RefinementGap gap = refinement_gap(s.definition, options, s.data, s.u, registry);
  REQUIRE(gap.finer.size() == 3);
  CHECK(gap.own.scheme == "dopri5:rtol=0.001");
  CHECK(gap.finer[0].scheme == "dopri5:rtol=0.0001");
  CHECK(gap.finer[1].scheme == "dopri5:rtol=1e-05");
  CHECK(gap.finer[2].scheme == "dopri5:rtol=1e-06");
  CHECK(std::abs(gap.finer[1].objective - gap.converged->objective) <=
        1e-3 * std::abs(gap.converged->objective));
  const Subject bdf = subject({}, "cvodes-bdf", {}, registry);
  CHECK(refinement_gap(bdf.definition, {}, bdf.data, bdf.u, registry).finer[0].scheme ==
        "cvodes-bdf:rtol=1e-07");
}

TEST_CASE("where only the absolute tolerance is set, both get finer and the objective with them") {
  const IntegratorRegistry registry = builtin_integrators();
  IntegratorOptions options;
  options.atol = 1e-2;
  const std::vector<IntegratorOptions> ladder = finer_options(registry.find("cvodes-bdf").traits, options);
  REQUIRE(ladder.size() == 3);
  CHECK(*ladder[2].rtol == doctest::Approx(1e-9));
  CHECK(*ladder[2].atol == doctest::Approx(1e-5));
  options.rtol = 1e-11;
  CHECK(*finer_options(registry.find("cvodes-bdf").traits, options).back().rtol == 1e-12);

  options.rtol.reset();
  const Subject s = subject({}, "cvodes-bdf", options, registry);
  const RefinementGap gap = refinement_gap(s.definition, options, s.data, s.u, registry);
  CHECK(gap.own.scheme == "cvodes-bdf:atol=0.01");
  CHECK(gap.finer[0].scheme == "cvodes-bdf:rtol=1e-07:atol=0.001");
  const auto error = [&](const RefinedRun& run) {
    return std::abs(run.objective - gap.converged->objective);
  };
  CHECK(error(gap.own) > 0);
  CHECK(error(gap.finer[2]) < error(gap.own) / 10);
}

TEST_CASE("an atol alone is the rtol, too, of a scheme that could take equal steps, and no rung is coarser") {
  const IntegratorRegistry registry = builtin_integrators();
  const IntegratorTraits& traits = registry.find("dopri5").traits;
  IntegratorOptions options;
  options.atol = 1e-9;
  const std::vector<IntegratorOptions> ladder = finer_options(traits, options);
  REQUIRE(ladder.size() == 3);
  for (int rung = 0; rung < 3; ++rung) {
    const double tolerance = std::pow(10.0, -10 - rung);
    CHECK(*ladder[static_cast<std::size_t>(rung)].rtol == doctest::Approx(tolerance));
    CHECK(*ladder[static_cast<std::size_t>(rung)].atol == doctest::Approx(tolerance));
  }
  options.atol.reset();
  options.rtol = 1e-11;
  REQUIRE(finer_options(traits, options).size() == 1);  // further rungs would repeat it
  CHECK(*finer_options(traits, options).front().rtol == 1e-12);
  options.rtol = 1e-13;
  CHECK(finer_options(traits, options).empty());
  options.atol = 1e-6;  // leaves something to refine, while rtol stays as fine as it is
  REQUIRE(finer_options(traits, options).size() == 3);
  for (const IntegratorOptions& finer : finer_options(traits, options)) {
    CHECK(*finer.rtol == 1e-13);
  }
}

TEST_CASE("the converged run is a thousand times finer than the own one, or absent") {
  const IntegratorRegistry registry = builtin_integrators();
  const auto gap_of = [&](const std::string& name, double rtol) {
    IntegratorOptions options;
    options.rtol = rtol;
    const Subject s = subject({}, name, options, registry);
    return refinement_gap(s.definition, options, s.data, s.u, registry);
  };
  const RefinementGap own_reference = gap_of("cvodes-bdf", 1e-8);
  REQUIRE(own_reference.converged.has_value());
  CHECK(own_reference.converged->scheme == "cvodes-bdf:rtol=1e-11");
  CHECK(own_reference.converged->failure.empty());
  CHECK(own_reference.finest() == &*own_reference.converged);
  CHECK(*own_reference.relative() > 0);
  CHECK(*own_reference.relative() < 1e-5);

  const RefinementGap finest = gap_of("dopri5", 1e-13);
  CHECK(finest.own.failure.empty());
  CHECK(finest.finer.empty());
  CHECK_FALSE(finest.converged.has_value());
  CHECK_FALSE(finest.relative().has_value());
  CHECK(finest.skipped.find("rtol = 1e-13") != std::string::npos);
}

TEST_CASE("a rung that is refused leaves those before it") {
  IntegratorRegistry registry;
  const IntegratorRegistry builtin = builtin_integrators();
  IntegratorTraits traits;
  traits.name = "four-at-most";
  const auto checked = [](const IntegratorOptions& options) {
    if (options.substeps.value_or(1) > 4) {
      throw InputError("four-at-most takes at most 4 sub-steps");
    }
    return options;
  };
  registry.add(
      traits,
      [&](const IntegratorOptions& options) {
        return builtin.make<float>("explicit-euler", checked(options));
      },
      [&](const IntegratorOptions& options) {
        return builtin.make<double>("explicit-euler", checked(options));
      });
  const SampleProblem p;
  SampleProblem with_tableau = p;
  with_tableau.tableau = explicit_tableaus().front();
  with_tableau.tableau.name = "four-at-most";
  const RefinementGap gap = refinement_gap(make_definition<double>(with_tableau), {}, make_dataset<double>(p),
                                           make_control<double>(p), registry);
  REQUIRE(gap.finer.size() == 2);
  CHECK(gap.skipped == "four-at-most takes at most 4 sub-steps");
  CHECK(gap.finest() == &gap.finer.back());
  CHECK(gap.relative().has_value());
}

TEST_CASE("a scheme that knows no finer steps is told in a sentence, and so is a run that fails") {
  IntegratorRegistry registry;
  registry.add(explicit_tableaus().front());
  IntegratorTraits traits;
  traits.name = "one-step-only";
  const IntegratorRegistry builtin = builtin_integrators();
  registry.add(
      traits, [&](const IntegratorOptions&) { return builtin.make<float>("explicit-euler", {}); },
      [&](const IntegratorOptions& options) {
        if (options.substeps) {
          throw InputError("one-step-only takes no sub-steps");
        }
        return builtin.make<double>("explicit-euler", {});
      });
  SampleProblem p;
  SampleProblem with_tableau = p;
  with_tableau.tableau = explicit_tableaus().front();
  with_tableau.tableau.name = "one-step-only";
  const ProblemDefinition<double> definition = make_definition<double>(with_tableau);
  const RefinementGap gap =
      refinement_gap(definition, {}, make_dataset<double>(p), make_control<double>(p), registry);
  CHECK(gap.finer.empty());
  CHECK(gap.skipped == "one-step-only takes no sub-steps");
  CHECK_FALSE(gap.converged.has_value());
  CHECK_FALSE(gap.relative().has_value());

  p.activation = Activation::identity;
  p.control_size = 1e40;
  const Subject s = subject(p, "explicit-euler", {}, builtin);
  const RefinementGap failed = refinement_gap(s.definition, {}, s.data, s.u, builtin);
  CHECK(failed.own.failure.empty());
  CHECK(failed.finer.back().failure.find("NaN or infinite") != std::string::npos);
}

TEST_CASE("samples are fewer where layers are large or steps many, and never more than there are") {
  const IntegratorRegistry registry = builtin_integrators();
  SampleProblem p;
  const Subject s = subject(p, "explicit-euler", {}, registry);
  CHECK(refinement_samples(s.definition, {}, 480) == 480);
  CHECK(refinement_samples(s.definition, {}, 60000) == 1000);
  p.n = 100;
  p.h = 100;
  const Subject large = subject(p, "explicit-euler", {}, registry);
  IntegratorOptions many;
  many.substeps = 2000;
  CHECK(refinement_samples(large.definition, many, 60000) < 500);
  CHECK(refinement_samples(large.definition, many, 30) == 30);
  many.substeps = 1000000;
  CHECK(refinement_samples(large.definition, many, 60000) == 50);
}

}  // namespace
}  // namespace turnpike::test
