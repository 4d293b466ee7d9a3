#include "turnpike/integrator.hpp"
#include "turnpike/tape.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

#include <algorithm>
#include <cmath>
#include <vector>

#include "sample_problem.hpp"
#include "turnpike/butcher_tableau.hpp"
#include "turnpike/error.hpp"

namespace turnpike {
namespace {

using test::explicit_tableaus;

TEST_CASE("a tape takes no record of a negative size, and is none the worse for being asked") {
  Tape<double> tape;
  (void)tape.push(0.0, 1.0, 3);
  CHECK_THROWS_AS((void)tape.push(1.0, 1.0, -4), std::length_error);
  CHECK(tape.size() == 1);
  CHECK(tape.push(1.0, 1.0, 0) != nullptr);
}

TEST_CASE("every built-in tableau satisfies the order conditions of its order and no more") {
  for (const ButcherTableau& tableau : explicit_tableaus()) {
    CAPTURE(tableau.name);
    CHECK(satisfies_order_conditions(tableau, std::min(tableau.order, 4)));
    if (tableau.order < 4) {
      CHECK_FALSE(satisfies_order_conditions(tableau, tableau.order + 1));
    }
  }
}

TEST_CASE("the stability function and the quadrature of every tableau are exact to its order") {
  for (const ButcherTableau& t : explicit_tableaus()) {
    CAPTURE(t.name);
    const std::size_t s = t.b.size();
    std::vector<double> power(s, 1.0);   // A^{k−1} 1
    std::vector<double> moment(s, 1.0);  // c^{k−1}
    double factorial = 1;
    for (int k = 1; k <= t.order; ++k) {
      factorial *= k;
      double stability = 0;
      double quadrature = 0;
      std::vector<double> next(s, 0.0);
      for (std::size_t i = 0; i < s; ++i) {
        stability += t.b[i] * power[i];
        quadrature += t.b[i] * moment[i];
        moment[i] *= t.c[i];
        for (std::size_t j = 0; j < s; ++j) {
          next[i] += t.A[i][j] * power[j];
        }
      }
      power = next;
      CAPTURE(k);
      CHECK(std::abs(stability * factorial - 1) <= 1e-11);  // R(z) = e^z + O(z^{p+1})
      CHECK(std::abs(quadrature * k - 1) <= 1e-13);         // Σ b_i c_i^{k−1} = 1/k
    }
  }
}

TEST_CASE("an inconsistent tableau cannot be registered") {
  IntegratorRegistry registry;
  ButcherTableau t = explicit_tableaus()[5];
  const auto refused = [&](auto change) {
    ButcherTableau broken = t;
    broken.name = "mine";
    change(broken);
    CHECK_THROWS_AS(registry.add(broken), InputError);
  };
  refused([](auto& b) { b.c[1] = 0.4; });
  refused([](auto& b) { b.b[0] += 1e-10; });
  refused([](auto& b) { b.A.pop_back(); });
  refused([](auto& b) { b.A[1][0] = NAN; });
  refused([](auto& b) { b.b.clear(); });
  refused([](auto& b) { b.name = "Not a name"; });
  CHECK(registry.names().empty());
  t.name = "mine";
  registry.add(t);
  CHECK_THROWS_AS(registry.add(t), InputError);
  CHECK(registry.names() == std::vector<std::string>{"mine"});
}

TEST_CASE("the registry names the nearest scheme and refuses options that a scheme does not take") {
  const IntegratorRegistry registry = builtin_integrators();
  CHECK_THROWS_WITH_AS((void)registry.find("rk5"), doctest::Contains("rk4"), InputError);
  IntegratorOptions options;
  options.substeps = 0;
  CHECK_THROWS_AS((void)registry.make<double>("rk4", options), InputError);
  options = {};
  options.rtol = 1e-6;
  CHECK_THROWS_WITH_AS((void)registry.make<double>("rk4", options), doctest::Contains("rk4"), InputError);
  options = {};
  options.adjoint = AdjointKind::continuous;
  CHECK_THROWS_AS((void)registry.make<float>("heun", options), InputError);
}

TEST_CASE("the shipped schemes are registered") {
  CHECK(builtin_integrators().names() ==
        std::vector<std::string>{"explicit-euler", "explicit-midpoint", "heun", "ssprk3", "kutta3", "rk4",
                                 "three-eighths", "dopri5", "cash-karp54", "fehlberg78", "implicit-euler",
                                 "implicit-midpoint", "trapezoidal", "sdirk2", "sdirk3", "gauss4", "radau5",
                                 "cvodes-bdf", "cvodes-adams"});
}

}  // namespace
}  // namespace turnpike
