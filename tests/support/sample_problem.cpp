#include "sample_problem.hpp"

#include <cmath>
#include <type_traits>

#include "core/cost_common.hpp"
#include "core/cross_entropy.hpp"
#include "core/fixed_steps.hpp"
#include "core/quadratic_cost.hpp"
#include "core/single_layer_field.hpp"
#include "core/two_layer_field.hpp"
#include "dual.hpp"
#include "explicit_rk/explicit_runge_kutta.hpp"
#include "explicit_rk/tableaus.hpp"
#include "implicit_rk/implicit_runge_kutta.hpp"
#include "implicit_rk/tableaus.hpp"

namespace turnpike::test {

namespace {

/// Dual numbers go through the library's templates, float and double through the library itself.
template <class T>
inline constexpr bool is_dual = std::is_same_v<T, Dual>;

State<double> quadratic_targets(const SampleProblem& p) {
  State<double> targets(p.classes, p.classes);
  const auto numbers = random_numbers(static_cast<std::size_t>(p.classes * p.classes), 2, 99);
  std::copy(numbers.begin(), numbers.end(), targets.data());
  return targets;
}

}  // namespace

template <class T>
std::unique_ptr<VectorField<T>> make_field(const SampleProblem& p) {
  if constexpr (is_dual<T>) {
    if (p.field == FieldKind::single_layer) {
      return std::make_unique<SingleLayerField<T>>(p.n, p.activation);
    }
    return std::make_unique<TwoLayerField<T>>(p.n, p.h, p.activation, p.outer);
  } else {
    if (p.field == FieldKind::single_layer) {
      return make_single_layer_field<T>(p.n, p.activation);
    }
    return make_two_layer_field<T>(p.n, p.h, p.activation, p.outer);
  }
}

template <class T>
std::unique_ptr<Cost<T>> make_cost(const SampleProblem& p, CostKind kind) {
  const std::vector<Index> components = first_components(p.classes);
  if constexpr (is_dual<T>) {
    const double rest = (1 - p.p_d) / (static_cast<double>(p.classes) - 1);
    switch (kind) {
      case CostKind::soft_cross_entropy:
        return std::make_unique<CrossEntropy<T>>(components, p.p_d, rest,
                                                 p.p_d * std::log(p.p_d) + (1 - p.p_d) * std::log(rest));
      case CostKind::cross_entropy:
        return std::make_unique<CrossEntropy<T>>(components, 1.0, 0.0, 0.0);
      case CostKind::quadratic:
        break;
    }
    return std::make_unique<QuadraticCost<T>>(components, quadratic_targets(p));
  } else {
    switch (kind) {
      case CostKind::soft_cross_entropy:
        return make_soft_cross_entropy<T>(components, p.p_d);
      case CostKind::cross_entropy:
        return make_cross_entropy<T>(components);
      case CostKind::quadratic:
        break;
    }
    return make_quadratic_cost<T>(components, quadratic_targets(p));
  }
}

template <class T>
ProblemDefinition<T> make_definition(const SampleProblem& p) {
  ProblemDefinition<T> definition;
  definition.field = make_field<T>(p);
  definition.grid = p.grid;
  IntegratorTraits traits;
  traits.name = p.tableau.name;
  traits.order = p.tableau.order;
  std::unique_ptr<OneStepMethod<T>> method;
  if constexpr (is_dual<T>) {
    if (p.tableau.is_explicit()) {
      method = std::make_unique<ExplicitRungeKutta<T>>(p.tableau);
    } else {
      method = std::make_unique<ImplicitRungeKutta<T>>(p.tableau);
    }
    definition.integrator = std::make_shared<FixedSteps<T>>(traits, p.substeps, std::move(method));
  } else {
    method = p.tableau.is_explicit() ? make_explicit_runge_kutta<T>(p.tableau)
                                     : make_implicit_runge_kutta<T>(p.tableau);
    definition.integrator = make_fixed_steps<T>(traits, p.substeps, std::move(method));
  }
  definition.running = make_cost<T>(p, p.running);
  definition.terminal = make_cost<T>(p, p.terminal);
  definition.gamma = p.gamma;
  definition.r = p.r;
  definition.quadrature = p.quadrature;
  definition.tile = p.tile;
  definition.threads = p.threads;
  return definition;
}

std::vector<ButcherTableau> explicit_tableaus() {
  return {tableaus::explicit_euler(), tableaus::explicit_midpoint(),
          tableaus::heun(),           tableaus::ssprk3(),
          tableaus::kutta3(),         tableaus::rk4(),
          tableaus::three_eighths(),  tableaus::dopri5(),
          tableaus::cash_karp54(),    tableaus::fehlberg78()};
}

std::vector<ButcherTableau> implicit_tableaus() {
  return {tableaus::implicit_euler(), tableaus::implicit_midpoint(), tableaus::trapezoidal(),
          tableaus::sdirk2(),         tableaus::sdirk3(),            tableaus::gauss4(),
          tableaus::radau5()};
}

std::vector<ButcherTableau> all_tableaus() {
  std::vector<ButcherTableau> all = explicit_tableaus();
  for (ButcherTableau& tableau : implicit_tableaus()) {
    all.push_back(std::move(tableau));
  }
  return all;
}

}  // namespace turnpike::test

// Its members are compiled into the library for float and double only.
template class turnpike::Cost<turnpike::test::Dual>;

namespace turnpike::test {

template std::unique_ptr<VectorField<float>> make_field(const SampleProblem&);
template std::unique_ptr<Cost<float>> make_cost(const SampleProblem&, CostKind);
template ProblemDefinition<float> make_definition(const SampleProblem&);
template std::unique_ptr<VectorField<double>> make_field(const SampleProblem&);
template std::unique_ptr<Cost<double>> make_cost(const SampleProblem&, CostKind);
template ProblemDefinition<double> make_definition(const SampleProblem&);
template std::unique_ptr<VectorField<Dual>> make_field(const SampleProblem&);
template std::unique_ptr<Cost<Dual>> make_cost(const SampleProblem&, CostKind);
template ProblemDefinition<Dual> make_definition(const SampleProblem&);

}  // namespace turnpike::test
