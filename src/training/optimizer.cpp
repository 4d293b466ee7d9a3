#include "turnpike/optimizer.hpp"

#include <cassert>
#include <cmath>
#include <numbers>

namespace turnpike {

double LearningRate::at(std::int64_t step) const {
  if (step < warmup) {
    return rate * static_cast<double>(step + 1) / static_cast<double>(warmup);
  }
  const auto after = static_cast<double>(step - warmup);
  switch (schedule) {
    case Schedule::constant:
      return rate;
    case Schedule::cosine: {
      const auto length = static_cast<double>(total - warmup);
      return rate * 0.5 * (1 + std::cos(std::numbers::pi * std::min(1.0, after / length)));
    }
    case Schedule::step:
      break;
  }
  return rate * std::pow(factor, std::floor(after / static_cast<double>(period)));
}

template <class T>
Optimizer<T>::Optimizer(const OptimizerOptions& options, std::size_t size)
    : options_(options),
      m_(options.kind == OptimizerKind::sgd ? 0 : size, T(0)),
      v_(options.kind == OptimizerKind::sgd ? 0 : size, T(0)) {}

template <class T>
void Optimizer<T>::step(std::span<T> u, std::span<const T> g, double learning_rate, double scale) {
  assert(u.size() == g.size());
  ++steps_;
  T* const control = u.data();
  const T* const gradient = g.data();
  const std::size_t size = u.size();
  const auto factor = static_cast<T>(scale);
  const auto eta = static_cast<T>(learning_rate);
  const auto w = static_cast<T>(options_.weight_decay);
  if (options_.kind == OptimizerKind::sgd) {
    for (std::size_t i = 0; i < size; ++i) {
      control[i] -= eta * (factor * gradient[i] + w * control[i]);
    }
    return;
  }
  const bool decoupled = options_.kind == OptimizerKind::adamw;
  const T shrink = decoupled ? T(1) - eta * w : T(1);
  const T added = decoupled ? T(0) : w;
  const auto beta1 = static_cast<T>(options_.beta1);
  const auto beta2 = static_cast<T>(options_.beta2);
  const auto epsilon = static_cast<T>(options_.epsilon);
  const auto t = static_cast<double>(steps_);
  // m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ)
  const auto rate = static_cast<T>(learning_rate / (1 - std::pow(options_.beta1, t)));
  const auto second = static_cast<T>(1 / (1 - std::pow(options_.beta2, t)));
  T* const m = m_.data();
  T* const v = v_.data();
  for (std::size_t i = 0; i < size; ++i) {
    const T slope = factor * gradient[i] + added * control[i];
    m[i] = beta1 * m[i] + (T(1) - beta1) * slope;
    v[i] = beta2 * v[i] + (T(1) - beta2) * slope * slope;
    control[i] = shrink * control[i] - rate * m[i] / (std::sqrt(v[i] * second) + epsilon);
  }
}

template <class T>
double gradient_norm(std::span<const T> g) {
  // Eight partial sums: the order is fixed and the loop vectorizes.
  double sums[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= g.size(); i += 8) {
    for (std::size_t j = 0; j < 8; ++j) {
      const auto value = static_cast<double>(g[i + j]);
      sums[j] += value * value;
    }
  }
  for (; i < g.size(); ++i) {
    const auto value = static_cast<double>(g[i]);
    sums[0] += value * value;
  }
  double sum = 0;
  for (const double partial : sums) {
    sum += partial;
  }
  return std::sqrt(sum);
}

template class Optimizer<float>;
template class Optimizer<double>;
template double gradient_norm(std::span<const float>);
template double gradient_norm(std::span<const double>);

}  // namespace turnpike
