#include <doctest/doctest.h>

#include <algorithm>
#include <boost/numeric/odeint/stepper/euler.hpp>
#include <boost/numeric/odeint/stepper/runge_kutta4.hpp>
#include <boost/numeric/odeint/stepper/runge_kutta_cash_karp54.hpp>
#include <boost/numeric/odeint/stepper/runge_kutta_dopri5.hpp>
#include <boost/numeric/odeint/stepper/runge_kutta_fehlberg78.hpp>
#include <string>
#include <vector>

#include "problem/ensemble_system.hpp"
#include "sample_problem.hpp"

namespace turnpike::test {
namespace {

namespace ode = boost::numeric::odeint;
using Values = std::vector<double>;

/// The largest difference, relative to the largest entry, between one step of Odeint's and one of ours.
template <class Stepper>
double difference(const std::string& name) {
  SampleProblem p;
  p.control_size = 1.5;
  const auto field = make_field<double>(p);
  const Control<double> u = make_control<double>(p);
  EnsembleSystem<double> system(*field, nullptr, p.samples);
  system.set_control(u.interval(0));
  const double h = 0.4;

  State<double> ours = make_initial_state<double>(p);
  Values theirs(ours.data(), ours.data() + ours.size());
  Values record(static_cast<std::size_t>(system.record_size()));
  Stepper stepper;
  stepper.do_step(
      [&](const Values& x, Values& dxdt, double t) {
        (void)system.evaluate(t, {x.data(), p.n, p.samples, p.samples},
                              {dxdt.data(), p.n, p.samples, p.samples}, record.data());
      },
      theirs, 0.0, h);

  for (const ButcherTableau& tableau : explicit_tableaus()) {
    if (tableau.name == name) {
      const auto method = make_explicit_runge_kutta<double>(tableau);
      const Footprint footprint = method->footprint(system);
      Values kept(static_cast<std::size_t>(footprint.record));
      Values scratch(static_cast<std::size_t>(footprint.scratch));
      double cost = 0;
      REQUIRE(method->step(system, 0, h, tile_of(ours), cost, kept.data(), scratch.data()).ok());
      const Eigen::Map<const State<double>> odeint(theirs.data(), ours.rows(), ours.cols());
      return (ours - odeint).cwiseAbs().maxCoeff() / ours.cwiseAbs().maxCoeff();
    }
  }
  FAIL("no tableau called ", name);
  return 1;
}

TEST_CASE("one step of our tableaus is one step of Odeint's own steppers, to rounding") {
  CHECK(difference<ode::euler<Values>>("explicit-euler") <= 1e-15);
  CHECK(difference<ode::runge_kutta4<Values>>("rk4") <= 1e-15);
  CHECK(difference<ode::runge_kutta_dopri5<Values>>("dopri5") <= 1e-15);
  CHECK(difference<ode::runge_kutta_cash_karp54<Values>>("cash-karp54") <= 1e-15);
  CHECK(difference<ode::runge_kutta_fehlberg78<Values>>("fehlberg78") <= 1e-15);
}

}  // namespace
}  // namespace turnpike::test
