#include "diagnostics/analysis.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "registered_problem.hpp"
#include "turnpike/builtin_tableaus.hpp"

namespace turnpike::test {
namespace {

TrainedControl<double> trained_with(const SampleProblem& p, const std::string& scheme) {
  TrainedControl<double> trained;
  trained.u = make_control<double>(p);
  trained.definition = make_problem<double>(p, scheme).definition();
  trained.train = std::make_shared<Dataset<double>>(make_dataset<double>(p));
  trained.minimizers = soft_cross_entropy_minimizers(p.classes, p.p_d);
  trained.soft_cross_entropy = true;
  return trained;
}

TEST_CASE("time and layers outside ε are the same in the summary and in the certificate") {
  for (const std::string scheme : {"explicit-euler", "rk4"}) {
    const SampleProblem p;
    const RunResults results = analyse_control(trained_with(p, scheme), 1.5);
    REQUIRE(results.turnpike.has_value());
    REQUIRE(results.certificate.has_value());
    CAPTURE(scheme);
    CHECK(results.turnpike->theta_measure > 0);
    CHECK(results.turnpike->theta_measure ==
          doctest::Approx(results.certificate->sample.time.measured).epsilon(1e-14));
    CHECK(results.turnpike->measured_outside ==
          doctest::Approx(results.certificate->sample.layers.measured).epsilon(1e-14));
    CHECK(results.reachability.has_value());
    CHECK_FALSE(results.test.has_value());
  }
}

TEST_CASE("a loss without minimizers leaves out what rests on them, and each step of the work is announced") {
  const SampleProblem p;
  TrainedControl<double> trained = trained_with(p, "explicit-euler");
  trained.minimizers = nullptr;
  trained.test = trained.train;
  trained.uncertified = "no bound is proved";
  std::vector<std::string> told;
  const auto phase = [&](const std::string& what) { told.push_back(what); };
  RunResults results = analyse_control(trained, 1, phase);
  CHECK_FALSE(results.turnpike.has_value());
  CHECK_FALSE(results.certificate.has_value());
  CHECK(results.ladder.empty());
  CHECK(results.control_norm.size() == static_cast<std::size_t>(p.grid.intervals()));
  CHECK(results.uncertified == "no bound is proved");
  CHECK(results.train.certified_share.empty());
  REQUIRE(results.test.has_value());
  CHECK(results.test->loss == results.train.loss);
  REQUIRE(told.size() == 2);
  CHECK(told[1].find("test samples") != std::string::npos);

  trained.change_bound = ChangeBoundNetwork{.grid = p.grid,
                                            .tableau = *builtin_explicit_tableau("explicit-euler"),
                                            .substeps = p.substeps,
                                            .components = first_components(p.classes)};
  results = measure_control(trained);
  CHECK(results.train.certified_share.size() == static_cast<std::size_t>(p.grid.intervals() + 1));
  CHECK(results.train.certified_share.back() == 1);
}

}  // namespace
}  // namespace turnpike::test
