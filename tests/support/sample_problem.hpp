#pragma once

#include <memory>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "problem/ensemble_evaluator.hpp"
#include "turnpike/butcher_tableau.hpp"
#include "turnpike/cost.hpp"
#include "turnpike/field.hpp"

namespace turnpike::test {

/// Whether sanitizers watch, which makes everything about eight times slower: figures are for the release
/// build.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

enum class FieldKind { single_layer, two_layer };
enum class CostKind { soft_cross_entropy, cross_entropy, quadratic };

/// A small training problem, the same for every scalar type: what it is made of and its random numbers.
struct SampleProblem {
  FieldKind field = FieldKind::two_layer;
  Index n = 3;
  Index h = 4;
  Activation activation = Activation::tanh;
  Activation outer = Activation::identity;
  CostKind running = CostKind::soft_cross_entropy;
  CostKind terminal = CostKind::soft_cross_entropy;
  Index classes = 3;
  double p_d = 0.9;
  ButcherTableau tableau;
  Index substeps = 1;
  TimeGrid grid = TimeGrid({0.0, 0.7, 1.5, 2.0});
  double gamma = 1.5;
  double r = 0.01;
  Quadrature quadrature = Quadrature::scheme;
  Index samples = 13;
  Index tile = 0;
  int threads = 1;
  double control_size = 0.8;
  unsigned seed = 1;
};

/// Whose steps of explicit Euler are the layers of a residual network: X⁺ = X + F(X, u), in one product.
inline SampleProblem residual_network() {
  SampleProblem p;
  p.grid = TimeGrid::uniform(3, 3.0);
  p.n = 7;
  p.h = 20;
  p.control_size = 0.3;
  return p;
}

inline std::vector<double> random_numbers(std::size_t count, double size, unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<double> numbers(count);
  for (double& number : numbers) {
    number = size * (2.0 * static_cast<double>(generator()) / 4294967295.0 - 1.0);
  }
  return numbers;
}

// The parts of a sample problem, for float, double and Dual.

template <class T>
std::unique_ptr<VectorField<T>> make_field(const SampleProblem& p);
template <class T>
std::unique_ptr<Cost<T>> make_cost(const SampleProblem& p, CostKind kind);
/// With the tableau of `p`.
template <class T>
ProblemDefinition<T> make_definition(const SampleProblem& p);

template <class T>
State<T> make_initial_state(const SampleProblem& p) {
  const auto numbers = random_numbers(static_cast<std::size_t>(p.n * p.samples), 1.5, p.seed + 1000);
  State<T> X(p.n, p.samples);
  for (Index i = 0; i < X.size(); ++i) {
    X.data()[i] = T(numbers[static_cast<std::size_t>(i)]);
  }
  return X;
}

inline std::vector<int> make_labels(const SampleProblem& p) {
  std::vector<int> labels(static_cast<std::size_t>(p.samples));
  for (std::size_t d = 0; d < labels.size(); ++d) {
    labels[d] = static_cast<int>(d % static_cast<std::size_t>(p.classes));
  }
  return labels;
}

template <class T>
EnsembleEvaluator<T> make_evaluator(const SampleProblem& p) {
  return EnsembleEvaluator<T>(make_definition<T>(p), make_initial_state<T>(p), make_labels(p));
}

/// A random control that jumps from interval to interval.
template <class T>
Control<T> make_control(const SampleProblem& p) {
  Control<T> u(make_field<T>(p)->layout(), p.grid.intervals());
  const auto numbers = random_numbers(static_cast<std::size_t>(u.size()), p.control_size, p.seed);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    u.values()[i] = T(numbers[i]);
  }
  return u;
}

/// All built-in explicit tableaus.
std::vector<ButcherTableau> explicit_tableaus();
/// All built-in implicit tableaus.
std::vector<ButcherTableau> implicit_tableaus();
std::vector<ButcherTableau> all_tableaus();

}  // namespace turnpike::test
