#include "turnpike/optimizer.hpp"

#include <algorithm>
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
void Optimizer<T>::begin_step(double learning_rate, double scale) {
  ++steps_;
  const auto t = static_cast<double>(steps_);
  const bool decoupled = options_.kind == OptimizerKind::adamw;
  const auto w = static_cast<T>(options_.weight_decay);
  now_.scale = static_cast<T>(scale);
  now_.eta = static_cast<T>(learning_rate);
  now_.shrink = decoupled ? T(1) - now_.eta * w : T(1);
  now_.weight_decay = decoupled ? T(0) : w;
  now_.beta1 = static_cast<T>(options_.beta1);
  now_.beta2 = static_cast<T>(options_.beta2);
  now_.epsilon = static_cast<T>(options_.epsilon);
  // m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ)
  now_.rate = static_cast<T>(learning_rate / (1 - std::pow(options_.beta1, t)));
  now_.second = static_cast<T>(1 / (1 - std::pow(options_.beta2, t)));
}

template <class T>
void Optimizer<T>::update(std::ptrdiff_t first, std::span<const T> piece, std::span<const T> u,
                          std::span<T> updated) {
  assert(u.size() == updated.size() && static_cast<std::size_t>(first) + piece.size() <= u.size());
  const Coefficients c = now_;
  const T* const g = piece.data();
  const T* const before = u.data() + first;
  T* const after = updated.data() + first;
  const auto count = static_cast<std::ptrdiff_t>(piece.size());
  const auto move = [&](auto&& to) {
#if !defined(__clang__)
#pragma GCC ivdep
#endif
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      const T old = before[i];
      after[i] = to(i, old, c.scale * g[i] + c.weight_decay * old);
    }
  };
  if (options_.kind == OptimizerKind::sgd) {
    move([&](std::ptrdiff_t /*i*/, T old, T slope) { return old - c.eta * slope; });
    return;
  }
  T* const m = m_.data() + first;
  T* const v = v_.data() + first;
  move([&](std::ptrdiff_t i, T old, T slope) {
    m[i] = c.beta1 * m[i] + (T(1) - c.beta1) * slope;
    v[i] = c.beta2 * v[i] + (T(1) - c.beta2) * slope * slope;
    return c.shrink * old - c.rate * m[i] / (std::sqrt(v[i] * c.second) + c.epsilon);
  });
}

template <class T>
void Optimizer<T>::step(std::span<T> u, std::span<const T> g, double learning_rate, double scale) {
  assert(u.size() == g.size());
  begin_step(learning_rate, scale);
  update(0, g, u, u);
}

template class Optimizer<float>;
template class Optimizer<double>;

}  // namespace turnpike
