#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <string>

#include "allocation_counter.hpp"
#include "registered_problem.hpp"

namespace turnpike::test {
namespace {

SampleProblem many_samples() {
  SampleProblem p;
  p.samples = 203;  // no multiple of any vector length
  p.tile = 32;
  return p;
}

template <class T>
struct Results {
  Objective objective;
  Control<T> gradient;
  State<T> last;
};

template <class T>
Results<T> solve(const SampleProblem& p, const std::string& name) {
  OptimalControlProblem<T> problem = make_problem<T>(p, name);
  const Control<T> u = make_control<T>(p);
  Results<T> r;
  r.gradient = problem.zero_control();
  r.objective = problem.value_and_gradient(u, r.gradient);
  IntegrationStatus status;
  r.last = problem.states(u, status).back();
  return r;
}

TEST_CASE_TEMPLATE("1, 2 and 4 threads give the same bits", T, float, double) {
  for (const std::string& name : registered_names<T>()) {
    SampleProblem p = many_samples();
    const Results<T> one = solve<T>(p, name);
    for (const int threads : {2, 4}) {
      p.threads = threads;
      const Results<T> several = solve<T>(p, name);
      CAPTURE(name);
      CAPTURE(threads);
      CHECK(one.objective.total() == several.objective.total());
      CHECK(same_bits<T>(one.gradient.values(), several.gradient.values()));
      CHECK(same_bits(one.last, several.last));
    }
  }
}

TEST_CASE_TEMPLATE("a sample's states do not depend on the other samples, their order or the tiles", T, float,
                   double) {
  for (const std::string& name : fixed_step_names()) {
    for (const Index n : {3, 6}) {
      SampleProblem p = many_samples();
      p.grid = TimeGrid({0.0, 1.0, 1.5, 2.0});
      p.n = n;
      const Control<T> u = make_control<T>(p);
      IntegrationStatus status;
      const State<T> last = make_problem<T>(p, name).states(u, status).back();
      REQUIRE(status.ok());

      // Every third sample, in reverse, in one tile.
      ProblemDefinition<T> definition = make_problem<T>(p, name).definition();
      definition.tile = 0;
      const Dataset<T> all = make_dataset<T>(p);
      Dataset<T> some;
      some.classes = all.classes;
      std::vector<Index> chosen;
      for (Index d = all.size() - 1; d >= 0; d -= 3) {
        chosen.push_back(d);
        some.labels.push_back(all.labels[static_cast<std::size_t>(d)]);
      }
      some.features.resize(n, static_cast<Index>(chosen.size()));
      for (std::size_t i = 0; i < chosen.size(); ++i) {
        some.features.col(static_cast<Index>(i)) = all.features.col(chosen[i]);
      }
      const State<T> subset = OptimalControlProblem<T>(definition, some).states(u, status).back();
      // Matrix products of large n treat the last columns of a tile otherwise: there, to rounding.
      const double tolerance = n <= 4 ? 0 : 20 * static_cast<double>(std::numeric_limits<T>::epsilon());
      double difference = 0;
      for (std::size_t i = 0; i < chosen.size(); ++i) {
        difference = std::max(
            difference, static_cast<double>(
                            (subset.col(static_cast<Index>(i)) - last.col(chosen[i])).cwiseAbs().maxCoeff()));
      }
      CAPTURE(name);
      CAPTURE(n);
      CHECK(difference <= tolerance);
    }
  }
}

TEST_CASE_TEMPLATE("the same evaluation twice gives the same bits", T, float, double) {
  for (const std::string& name : registered_names<T>()) {
    const SampleProblem p = many_samples();
    OptimalControlProblem<T> problem = make_problem<T>(p, name);
    const Control<T> u = make_control<T>(p);
    Control<T> first = problem.zero_control();
    Control<T> second = problem.zero_control();
    const Objective a = problem.value_and_gradient(u, first);
    (void)problem.value(problem.zero_control());
    const Objective b = problem.value_and_gradient(u, second);
    CAPTURE(name);
    CHECK(a.total() == b.total());
    CHECK(same_bits<T>(std::as_const(first).values(), std::as_const(second).values()));
  }
}

TEST_CASE_TEMPLATE("after the first evaluation nothing is allocated", T, float, double) {
  const std::int64_t before_vector = allocations();
  const std::vector<int> counted(10);
  REQUIRE(allocations() > before_vector);
  for (const std::string& name : fixed_step_names()) {
    for (const int threads : {1, 2}) {
      for (const Index n : {2, 3, 40}) {
        SampleProblem p = many_samples();
        p.n = n;
        p.classes = 2;
        p.threads = threads;
        p.grid = TimeGrid({0.0, 2.0, 2.5, 3.0});  // sub-steps of 1, and shorter ones
        p.substeps = 2;
        OptimalControlProblem<T> problem = make_problem<T>(p, name);
        const Control<T> u = make_control<T>(p);
        Control<T> gradient = problem.zero_control();
        const std::vector<Index> batch = {5, 1, 99, 200, 17};
        const auto evaluate = [&] {
          (void)problem.value(u);
          (void)problem.value_and_gradient(u, gradient);
          (void)problem.value_and_gradient(u, batch, gradient);
        };
        evaluate();
        const std::int64_t before = allocations();
        for (int i = 0; i < 3; ++i) {
          evaluate();
        }
        const std::int64_t allocated = allocations() - before;
        CAPTURE(name);
        CAPTURE(threads);
        CAPTURE(n);
        CHECK(allocated == 0);
      }
    }
  }
}

TEST_CASE("a mini-batch of all samples gives the full gradient to rounding") {
  const SampleProblem p = many_samples();
  OptimalControlProblem<double> problem = make_problem<double>(p, "heun");
  const Control<double> u = make_control<double>(p);
  Control<double> full = problem.zero_control();
  Control<double> batched = problem.zero_control();
  std::vector<Index> all(static_cast<std::size_t>(p.samples));
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i] = static_cast<Index>(all.size() - 1 - i);
  }
  const double V = problem.value_and_gradient(u, full).total();
  CHECK(problem.value_and_gradient(u, all, batched).total() == doctest::Approx(V).epsilon(1e-14));
  for (Index i = 0; i < full.size(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    CHECK(batched.values()[at] == doctest::Approx(full.values()[at]).epsilon(1e-11));
  }
}

}  // namespace
}  // namespace turnpike::test
