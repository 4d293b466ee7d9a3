#include "turnpike/cropping.hpp"

#include <fmt/format.h>

#include <cassert>
#include <cmath>

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
  if (depth == layers) {
    return fmt::format("All {} layers are needed: with fewer, accuracy falls by more than {:.1f} %.", layers,
                       100 * cropping_tolerance);
  }
  return fmt::format("The layers after {} of {} can go: train accuracy {}{}.", depth, layers,
                     signed_percent(train_change),
                     test_change ? fmt::format(", test {}", signed_percent(*test_change)) : std::string());
}

Cropping find_cropping(std::span<const double> train, std::span<const double> test, double tolerance) {
  assert(!train.empty() && (test.empty() || test.size() == train.size()));
  // Accuracies are fractions of counts: a difference of exactly the tolerance must not fail by rounding.
  const double allowed = tolerance + 1e-12;
  const auto holds = [allowed](std::span<const double> accuracy, std::size_t k) {
    return accuracy.empty() || accuracy[k] >= accuracy.back() - allowed;
  };
  Cropping cropping;
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

}  // namespace turnpike
