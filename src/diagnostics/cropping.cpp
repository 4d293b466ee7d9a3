#include "turnpike/cropping.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <vector>

namespace turnpike {

namespace {

/// A change of accuracy with its sign; what rounds to 0 has none.
std::string signed_percent(double change) {
  const double rounded = std::round(1e4 * change) / 100;
  if (rounded == 0) {
    return "±0.00 %";
  }
  return fmt::format("{}{:.2f} %", rounded < 0 ? "−" : "+", std::abs(rounded));
}

}  // namespace

std::string Cropping::text() const {
  std::string text;
  if (depth == layers) {
    text = fmt::format("All {} layers are needed: with fewer, accuracy falls by more than {:.3g} %.", layers,
                       100 * tolerance);
  } else {
    text = fmt::format("The layers after {} of {} can go: train accuracy {}{}.", depth, layers,
                       signed_percent(train_change),
                       test_change ? fmt::format(", test {}", signed_percent(*test_change)) : std::string());
  }
  if (certified_depth && *certified_depth < layers) {
    text +=
        fmt::format(" It is proved that the layers after {} change the class of at most {:.3g} % of them.",
                    *certified_depth, 100 * tolerance);
  }
  return text;
}

Cropping find_cropping(std::span<const double> train, std::span<const double> test, double tolerance) {
  assert(!train.empty() && (test.empty() || test.size() == train.size()));
  // Accuracies are fractions of counts: a difference of exactly the tolerance must not fail by rounding.
  const double allowed = tolerance + 1e-12;
  const auto holds = [allowed](std::span<const double> accuracy, std::size_t k) {
    return accuracy.empty() || accuracy[k] >= accuracy.back() - allowed;
  };
  Cropping cropping;
  cropping.tolerance = tolerance;
  cropping.layers = train.size() - 1;
  std::size_t k = 0;
  while (k < cropping.layers && !(holds(train, k) && holds(test, k))) {
    ++k;
  }
  cropping.depth = k;
  cropping.train_change = train[k] - train.back();
  if (!test.empty()) {
    cropping.test_change = test[k] - test.back();
  }
  return cropping;
}

std::size_t find_certified_depth(std::span<const double> train, std::span<const double> test,
                                 double tolerance) {
  assert(!train.empty() && (test.empty() || test.size() == train.size()));
  const double wanted = 1 - tolerance - 1e-12;
  std::size_t k = 0;
  while (k + 1 < train.size() && !(train[k] >= wanted && (test.empty() || test[k] >= wanted))) {
    ++k;
  }
  return k;
}

template <class T>
Control<T> first_intervals(const Control<T>& u, Index depth) {
  assert(depth >= 1 && depth <= u.intervals());
  Control<T> shorter(u.layout(), depth);
  std::copy_n(u.values().begin(), shorter.values().size(), shorter.values().begin());
  return shorter;
}

TimeGrid first_intervals(const TimeGrid& grid, Index depth) {
  assert(depth >= 1 && depth <= grid.intervals());
  return TimeGrid(std::vector<double>(grid.nodes().begin(), grid.nodes().begin() + depth + 1));
}

template Control<float> first_intervals(const Control<float>&, Index);
template Control<double> first_intervals(const Control<double>&, Index);

}  // namespace turnpike
