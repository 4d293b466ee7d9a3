#include "turnpike/cost.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <numeric>

#include "core/cost_common.hpp"
#include "core/cross_entropy.hpp"
#include "core/quadratic_cost.hpp"
#include "turnpike/error.hpp"

namespace turnpike {

namespace {

void check_components(const std::vector<Index>& components, Index at_least) {
  if (static_cast<Index>(components.size()) < at_least) {
    throw InputError(
        fmt::format("the cost has {} loss components; it needs at least {}", components.size(), at_least));
  }
  for (std::size_t i = 0; i < components.size(); ++i) {
    if (components[i] < 0) {
      throw InputError(fmt::format("loss component {} is {}; components count from 0", i, components[i]));
    }
    if (std::count(components.begin(), components.end(), components[i]) > 1) {
      throw InputError(fmt::format("loss component {} is named twice; name each once", components[i]));
    }
  }
}

}  // namespace

template <class T>
std::unique_ptr<Cost<T>> make_cross_entropy(std::vector<Index> components) {
  check_components(components, 2);
  return std::make_unique<CrossEntropy<T>>(std::move(components), 1.0, 0.0, 0.0);
}

template <class T>
std::unique_ptr<Cost<T>> make_soft_cross_entropy(std::vector<Index> components, double p_d) {
  check_components(components, 2);
  const auto C = static_cast<double>(components.size());
  if (!(p_d > 1 / C && p_d < 1)) {
    throw InputError(fmt::format(
        "cost.p_d = {} is outside (1/C, 1) = ({:.6g}, 1) for C = {} classes; choose a value between", p_d,
        1 / C, components.size()));
  }
  const double rest = (1 - p_d) / (C - 1);
  const double offset = p_d * std::log(p_d) + (1 - p_d) * std::log(rest);
  return std::make_unique<CrossEntropy<T>>(std::move(components), p_d, rest, offset);
}

template <class T>
std::unique_ptr<Cost<T>> make_quadratic_cost(std::vector<Index> components,
                                             const State<double>& class_targets) {
  check_components(components, 1);
  if (class_targets.rows() != static_cast<Index>(components.size())) {
    throw InputError(fmt::format("cost.targets have {} coordinates a class, but there are {} loss components",
                                 class_targets.rows(), components.size()));
  }
  if (!class_targets.allFinite()) {
    throw InputError("cost.targets hold a value that is not finite; give finite coordinates");
  }
  return std::make_unique<QuadraticCost<T>>(std::move(components), class_targets);
}

std::vector<Index> first_components(Index count) {
  std::vector<Index> components(static_cast<std::size_t>(count));
  std::iota(components.begin(), components.end(), Index{0});
  return components;
}

template <class T>
std::vector<double> sample_losses(const Cost<T>& cost, ConstTile<T> X, std::span<const int> labels) {
  State<T> targets(cost.rows(), X.columns);
  cost.make_targets(labels, tile_of(targets));
  std::vector<double> losses(static_cast<std::size_t>(X.columns));
  for (Index d = 0; d < X.columns; ++d) {
    const ConstTile<T> column{X.data + d, X.rows, 1, X.stride};
    const ConstTile<T> target{targets.data() + d, targets.rows(), 1, X.columns};
    losses[static_cast<std::size_t>(d)] =
        static_cast<double>(cost.evaluate(nullptr, column, target, T(1), Tile<T>{}));
  }
  return losses;
}

template <class T>
std::vector<int> predicted_classes(ConstTile<T> X, std::span<const Index> components) {
  std::vector<int> classes(static_cast<std::size_t>(X.columns), 0);
  for (Index d = 0; d < X.columns; ++d) {
    T largest = X(components[0], d);
    for (std::size_t c = 1; c < components.size(); ++c) {
      if (X(components[c], d) > largest) {
        largest = X(components[c], d);
        classes[static_cast<std::size_t>(d)] = static_cast<int>(c);
      }
    }
  }
  return classes;
}

#define TURNPIKE_INSTANTIATE(T)                                                                    \
  template class Cost<T>;                                                                          \
  template std::unique_ptr<Cost<T>> make_cross_entropy(std::vector<Index>);                        \
  template std::unique_ptr<Cost<T>> make_soft_cross_entropy(std::vector<Index>, double);           \
  template std::unique_ptr<Cost<T>> make_quadratic_cost(std::vector<Index>, const State<double>&); \
  template std::vector<double> sample_losses(const Cost<T>&, ConstTile<T>, std::span<const int>);  \
  template std::vector<int> predicted_classes(ConstTile<T>, std::span<const Index>);

TURNPIKE_INSTANTIATE(float)
TURNPIKE_INSTANTIATE(double)

}  // namespace turnpike
