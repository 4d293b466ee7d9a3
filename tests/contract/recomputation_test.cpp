#include <doctest/doctest.h>

#include "problem/checkpoints.hpp"
#include "registered_problem.hpp"

namespace turnpike::test {
namespace {

TEST_CASE_TEMPLATE("records that are computed again give the same bits", T, float, double) {
  for (const std::string& name : registered_names<T>()) {
    for (const Quadrature quadrature : {Quadrature::scheme, Quadrature::nodes}) {
      SampleProblem p;
      p.grid = TimeGrid::uniform(13, 6.5);
      p.quadrature = quadrature;
      p.samples = 40;
      p.tile = 16;
      p.control_size = 0.5;
      ProblemDefinition<T> definition = make_problem<T>(p, name).definition();
      const Control<T> u = make_control<T>(p);
      OptimalControlProblem<T> plain(definition, make_dataset<T>(p));
      Control<T> expected = plain.zero_control();
      const Objective V = plain.value_and_gradient(u, expected);
      REQUIRE(V.status.ok());
      for (const Recomputation kind : {Recomputation::every, Recomputation::binomial}) {
        for (const Index snapshots : {1, 2, 3, 5, 13, 20}) {
          definition.recomputation = kind;
          definition.snapshots = snapshots;
          OptimalControlProblem<T> problem(definition, make_dataset<T>(p));
          Control<T> gradient = problem.zero_control();
          for (int repeat = 0; repeat < 2; ++repeat) {
            CAPTURE(name);
            CAPTURE(snapshots);
            CHECK(problem.value_and_gradient(u, gradient).total() == V.total());
            CHECK(same_bits<T>(gradient.values(), expected.values()));
          }
        }
      }
    }
  }
}

/// Steps that a binomial reversal of `steps` steps computes again, by following Checkpoints as a pass does.
Index forward_steps(Index steps, Index snapshots) {
  Checkpoints<double> kept(Recomputation::binomial, snapshots, steps);
  const State<double> X(1, 1);
  Index count = 0;
  kept.push(0, X);
  for (Index k = steps - 1; k >= 0; --k) {
    while (kept.last() > k) {
      kept.pop();
    }
    for (Index node = kept.last(); node < k;) {
      const Index next = std::min(kept.next(k + 1), k);
      count += next - node;
      node = next;
      if (node < k) {
        kept.push(node, X);
      }
    }
  }
  return count;
}

TEST_CASE("the binomial schedule computes as few steps again as Griewank and Walther's formula allows") {
  // Steps taken to reach every step's start, without the step itself: r·l − C(s + r, r − 1) with l steps, s
  // states and r repetitions (ACM TOMS 26, 2000, (4)), s counting the state at the start.
  const auto binomial = [](Index n, Index k) {
    double value = 1;
    for (Index i = 1; i <= k; ++i) {
      value = value * static_cast<double>(n - k + i) / static_cast<double>(i);
    }
    return static_cast<Index>(value + 0.5);
  };
  for (const Index snapshots : {1, 2, 3, 5, 8}) {
    for (const Index steps : {1, 2, 5, 10, 37, 100}) {
      Index r = 0;
      while (binomial(snapshots + r, snapshots) < steps) {
        ++r;
      }
      const Index least = r == 0 ? 0 : r * steps - binomial(snapshots + r, r - 1);
      CAPTURE(snapshots);
      CAPTURE(steps);
      CHECK(forward_steps(steps, snapshots) == least);
    }
  }
}

}  // namespace
}  // namespace turnpike::test
