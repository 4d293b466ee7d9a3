#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "bf16_environment.hpp"
#include "registered_problem.hpp"
#include "turnpike/builtin_tableaus.hpp"
#include "turnpike/change_bound.hpp"
#include "turnpike/error.hpp"
#include "turnpike/turnpike.hpp"

/// What is certified is never less than what happens, for every explicit scheme, activation and precision.
namespace turnpike::test {
namespace {

struct Counts {
  Index proved = 0;  ///< samples and nodes whose class is proved to stay
  Index all = 0;
  double closest = 0;  ///< largest true change over its bound
};

template <class T>
void compare(const SampleProblem& p, const std::string& scheme, double tail, Counts& counts) {
  OptimalControlProblem<T> problem = make_problem<T>(p, scheme);
  Control<T> u = make_control<T>(p);
  for (Index k = 1; k < u.intervals(); ++k) {  // a control that comes to rest, as on a turnpike
    for (Index i = 0; i < u.layout().size(); ++i) {
      u.interval(k)[i] *= static_cast<T>(tail);
    }
  }
  ChangeBoundNetwork network;
  network.grid = p.grid;
  network.tableau = *builtin_explicit_tableau(scheme);
  network.substeps = p.substeps;
  network.components = first_components(p.classes);
  const ChangeBound bound(*problem.definition().field, u, network);
  IntegrationStatus status;
  const std::vector<State<T>> X = problem.states(u, status);
  REQUIRE(status.ok());
  const auto last = X.back().template cast<double>().topRows(p.classes).eval();
  for (std::size_t k = 0; k < X.size(); ++k) {
    for (Index d = 0; d < p.samples; ++d) {
      const Eigen::VectorXd x = X[k].col(d).template cast<double>();
      const double certified = bound.after(static_cast<Index>(k), x.norm() * (1 + 1e-14));
      const double change = (last.col(d) - x.head(p.classes)).norm();
      CHECK(change <= certified);
      counts.closest = std::max(counts.closest, certified > 0 ? change / certified : 0.0);
      Index before = 0;
      Index after = 0;
      x.head(p.classes).maxCoeff(&before);
      last.col(d).maxCoeff(&after);
      const std::vector<double> components(x.data(), x.data() + p.classes);
      const bool fixed = class_is_fixed(components, certified);
      CHECK((before == after || !fixed));
      if (k + 1 < X.size()) {  // at the last node nothing changes any more
        ++counts.all;
        counts.proved += fixed ? 1 : 0;
      }
    }
  }
}

TEST_CASE_TEMPLATE("no computed state changes by more than is certified, and no class that is proved", T,
                   float, double) {
  Counts counts;
  unsigned seed = 1;
  for (const FieldKind field : {FieldKind::two_layer, FieldKind::single_layer}) {
    for (const Activation activation : all_activations()) {
      for (const char* scheme : {"explicit-euler", "heun", "rk4", "kutta3", "fehlberg78"}) {
        for (const double tail : {1.0, 0.03}) {
          SampleProblem p;
          p.field = field;
          p.activation = activation;
          p.n = seed % 2 == 0 ? 3 : 6;
          p.outer = seed % 3 == 0 ? Activation::tanh : seed % 3 == 1 ? Activation::identity : activation;
          p.substeps = 1 + static_cast<Index>(seed % 2);
          p.control_size = seed % 5 == 0 ? 0.05 : 0.8;
          p.quadrature = Quadrature::nodes;
          p.seed = seed++;
          CAPTURE(scheme);
          CAPTURE(p.seed);
          compare<T>(p, scheme, tail, counts);
        }
      }
    }
  }
  CHECK(counts.proved > counts.all / 4);
  CHECK(counts.proved < counts.all);
  CHECK(counts.closest > 0.2);  // it says something
  CHECK(counts.closest <= 1);
}

TEST_CASE_TEMPLATE("what a residual network rounds is certified", T, float, double) {
  Counts counts;
  for (unsigned seed = 1; seed <= 10; ++seed) {
    SampleProblem p = residual_network();
    p.h = 60;
    p.control_size = seed % 2 == 0 ? 0.02 : 0.3;
    p.seed = seed;
    compare<T>(p, "explicit-euler", 0.03, counts);
  }
  CHECK(counts.proved > 0);
  CHECK(counts.closest <= 1);
}

TEST_CASE("a bound of the change is refused for products in bf16") {
  const test::Bf16Environment emulated("emulate");
  const auto field =
      make_two_layer_field<float>(6, 5, Activation::relu, Activation::identity, ProductPrecision::bf16);
  ChangeBoundNetwork network;
  network.tableau = *builtin_explicit_tableau("explicit-euler");
  network.components = first_components(2);
  const Control<float> u(field->layout(), 1);
  CHECK_THROWS_WITH_AS(ChangeBound(*field, u, network), doctest::Contains("bf16"), InputError);
}

TEST_CASE("a measurement holds what is certified at its nodes, sample by sample") {
  SampleProblem p;
  p.control_size = 0.1;
  OptimalControlProblem<double> problem = make_problem<double>(p, "explicit-euler");
  const Control<double> u = make_control<double>(p);
  ChangeBoundNetwork network;
  network.grid = p.grid;
  network.tableau = *builtin_explicit_tableau("explicit-euler");
  network.components = first_components(p.classes);
  const ChangeBound bound(*problem.definition().field, u, network);
  const auto loss = make_soft_cross_entropy<double>(first_components(p.classes), p.p_d);
  const Measurement m = measure(problem, u, *loss, {}, 1, &bound);
  REQUIRE(m.certified_change.size() == 4);
  CHECK(m.certified_change.back() == 0);
  CHECK(m.certified_share.back() == 1);
  IntegrationStatus status;
  const std::vector<State<double>> X = problem.states(u, status);
  for (std::size_t k = 0; k < 4; ++k) {
    CHECK(m.certified_change[k] ==
          doctest::Approx(bound.after(static_cast<Index>(k), X[k].colwise().norm().maxCoeff())));
    CHECK(m.changed[k] <= 1 - m.certified_share[k] + 1e-12);
  }
  CHECK(measure(problem, u, *loss, {}).certified_share.empty());
}

}  // namespace
}  // namespace turnpike::test
