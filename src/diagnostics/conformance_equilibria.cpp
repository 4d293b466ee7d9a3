#include <fmt/format.h>

#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "diagnostics/conformance_subject.hpp"
#include "turnpike/error.hpp"
#include "turnpike/random.hpp"

namespace turnpike::conformance {

namespace {

/// Whether the states at all nodes are X0, bit for bit.
template <class T>
bool stays(OptimalControlProblem<T>& problem, const Control<T>& u, const State<T>& X0) {
  IntegrationStatus status;
  const std::vector<State<T>> states = problem.states(u, status);
  if (!status.ok()) {
    throw NumericalError("the integration failed: " + status.message());
  }
  return std::all_of(states.begin(), states.end(), [&](const State<T>& X) { return same_bits(X, X0); });
}

struct Count {
  int cases = 0;
  int broken = 0;
};

template <class T>
void hold_at_zero(const Subject& subject, Steps steps, Count& count) {
  if (!subject.offers<T>()) {
    return;
  }
  const auto method = subject.method<T>(steps);
  for (const bool two_layer : {true, false}) {
    for (const Activation activation : all_activations()) {
      for (const Index n : {3, 7}) {
        TestProblem p;
        p.two_layer = two_layer;
        p.activation = p.outer = activation;
        p.n = n;
        p.samples = steps == Steps::equal ? 37 : 13;  // no multiple of a vector's length
        p.seed = subject.options().seed;
        OptimalControlProblem<T> problem = p.with<T>(method);
        ++count.cases;
        count.broken += stays(problem, problem.zero_control(), p.initial_state<T>()) ? 0 : 1;
      }
    }
  }
}

template <class T>
void hold_with_zero_second_layer(const Subject& subject, Steps steps, Count& count) {
  if (!subject.offers<T>()) {
    return;
  }
  for (const Activation outer : {Activation::identity, Activation::tanh}) {
    TestProblem p;
    p.outer = outer;
    p.seed = subject.options().seed;
    OptimalControlProblem<T> problem = p.with<T>(subject.method<T>(steps));
    Control<T> u = p.control<T>();
    for (Index k = 0; k < u.intervals(); ++k) {
      u.matrix("A2", k).setZero();
      u.matrix("b2", k).setZero();
    }
    ++count.cases;
    count.broken += stays(problem, u, p.initial_state<T>()) ? 0 : 1;
  }
}

/// Equilibria of σ(Ax + b) whose entries are so short in binary that F is exactly zero there: the line
/// x₀ + s v with A v = 0 and b = −A x₀. A jumps from interval to interval, the equilibria stay.
template <class T>
void hold_on_a_line(const Subject& subject, Steps steps, Count& count) {
  if (!subject.offers<T>()) {
    return;
  }
  for (const Activation activation : {Activation::tanh, Activation::relu, Activation::silu}) {
    TestProblem p;
    p.two_layer = false;
    p.activation = activation;
    State<T> A(3, 3);
    A << 1, 0, 1, 0, 1, 2, 2, -1, 0;
    State<T> X0(3, 5);
    for (Index d = 0; d < 5; ++d) {
      const T s = static_cast<T>(d) / T(4);
      X0.col(d) << T(0.5) + s, T(-0.25) + 2 * s, T(0.75) - s;
    }
    OptimalControlProblem<T> problem = p.with<T>(subject.method<T>(steps), X0);
    Control<T> u = problem.zero_control();
    for (Index k = 0; k < u.intervals(); ++k) {
      const T size = T(0.25) * static_cast<T>(k + 1);
      u.matrix("A", k) = size * A;
      u.matrix("b", k) = -size * A * X0.col(0);
    }
    ++count.cases;
    count.broken += stays(problem, u, X0) ? 0 : 1;
  }
}

/// F(x, u) and its derivative at single samples.
class Linearized {
 public:
  explicit Linearized(const TestProblem& p) : field_(p.field<double>()), system_(*field_, nullptr, 1) {
    record_.resize(static_cast<std::size_t>(system_.record_size()));
  }
  void operator()(const double* u, const State<double>& x, State<double>& F, Eigen::MatrixXd& J) {
    const Index n = x.rows();
    system_.set_control(u);
    F.resize(n, 1);
    J.resize(n, n);
    system_.evaluate(0, tile_of(x), tile_of(F), record_.data());
    for (Index j = 0; j < n; ++j) {
      const State<double> e = State<double>::Identity(n, n).col(j);
      State<double> column(n, 1);
      system_.apply(record_.data(), tile_of(e), tile_of(column));
      J.col(j) = column;
    }
  }

 private:
  std::shared_ptr<const VectorField<double>> field_;
  EnsembleSystem<double> system_;
  std::vector<double> record_;
};

/// Solves F(x, u) = 0 by Newton's method from x. False when it does not converge.
bool solve_equilibrium(Linearized& F, const double* u, State<double>& x) {
  State<double> value;
  Eigen::MatrixXd J;
  for (int i = 0; i < 50; ++i) {
    F(u, x, value, J);
    const double size = value.norm();
    if (!(size < 1e6)) {
      return false;
    }
    if (size <= 1e-15) {
      return true;
    }
    x -= J.partialPivLu().solve(value);
  }
  F(u, x, value, J);
  return value.norm() <= 1e-14;
}

/// Equilibria of a second-layer field with all of u at work, found by Newton's method; how far the scheme
/// moves them.
Finding hold_nonlinear(const Subject& subject, Steps steps) {
  int found = 0;
  double moved = 0;
  for (std::uint64_t seed = subject.options().seed; found < 6 && seed < subject.options().seed + 50; ++seed) {
    TestProblem p;
    p.seed = seed;
    p.grid = TimeGrid({0.0, 1.0});
    p.samples = 1;
    const State<double> near = p.initial_state<double>();
    Control<double> u = p.control<double>();
    // F(near) = 0 for this b₂, so that an equilibrium is there to find.
    u.matrix("b2", 0) =
        -u.matrix("A2", 0) * (u.matrix("A1", 0) * near + u.matrix("b1", 0)).array().tanh().matrix();
    Random random(seed, RandomPurpose::check, 6);
    State<double> x = near;
    std::for_each(x.data(), x.data() + x.size(), [&](double& entry) { entry += random.uniform(-0.3, 0.3); });
    Linearized F(p);
    if (!solve_equilibrium(F, u.interval(0), x)) {
      continue;
    }
    ++found;
    OptimalControlProblem<double> problem = p.with<double>(subject.method<double>(steps), x);
    IntegrationStatus status;
    const std::vector<State<double>> states = problem.states(u, status);
    if (!status.ok()) {
      throw NumericalError("the integration failed: " + status.message());
    }
    moved = std::max(moved, (states.back() - x).norm() / (1 + x.norm()));
  }
  if (found == 0) {
    return {ConformanceVerdict::skipped, "no equilibrium was found"};
  }
  return passed_if(moved <= 1e-12, fmt::format("{} equilibria, moved by at most {:.1e}", found, moved));
}

Finding all_held(const Count& count) {
  return passed_if(count.broken == 0,
                   count.broken == 0
                       ? fmt::format("{} problems, no bit differs", count.cases)
                       : fmt::format("states move in {} of {} problems", count.broken, count.cases));
}

}  // namespace

void check_zero_control(const Subject& subject, Steps steps, Checklist& list) {
  list.run(steps, "zero-control",
           "u = 0 returns every state bit for bit, whatever the field, its activations and the scalars.",
           [&] {
             Count count;
             hold_at_zero<float>(subject, steps, count);
             hold_at_zero<double>(subject, steps, count);
             return all_held(count);
           });
  list.run(steps, "zero-second-layer",
           "A₂ = 0 and b₂ = 0 return every state bit for bit, whatever A₁ and b₁.", [&] {
             Count count;
             hold_with_zero_second_layer<float>(subject, steps, count);
             hold_with_zero_second_layer<double>(subject, steps, count);
             return all_held(count);
           });
}

void check_equilibria(const Subject& subject, Steps steps, Checklist& list) {
  const auto unless_disclaimed = [&](Finding finding) {
    if (finding.verdict == ConformanceVerdict::failed && !subject.traits().keeps_equilibria) {
      finding = {ConformanceVerdict::skipped, finding.figure + "; the scheme declares that it moves them"};
    }
    return finding;
  };
  list.run(steps, "equilibria-exact",
           "Equilibria at u ≠ 0 where F is zero to the last bit are returned bit for bit (Definition 17).",
           [&] {
             Count count;
             hold_on_a_line<float>(subject, steps, count);
             hold_on_a_line<double>(subject, steps, count);
             return unless_disclaimed(all_held(count));
           });
  list.run(steps, "equilibria-nonlinear",
           "Equilibria of the two-layer field at random u, by Newton's method, are held to rounding "
           "(Definition 17).",
           [&] { return unless_disclaimed(hold_nonlinear(subject, steps)); });
}

}  // namespace turnpike::conformance
