#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "turnpike/ensemble.hpp"

namespace turnpike {

enum class OptimizerKind {
  adam,   ///< Kingma, Ba, ICLR 2015; weight decay is added to the gradient
  adamw,  ///< Loshchilov, Hutter, ICLR 2019; weight decay acts on the control directly
  sgd,    ///< u ← u − η (g + w u)
};

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::adam;
  double beta1 = 0.9;     ///< m ← β₁ m + (1 − β₁) g, 0 ≤ β₁ < 1
  double beta2 = 0.999;   ///< v ← β₂ v + (1 − β₂) g², 0 ≤ β₂ < 1
  double epsilon = 1e-8;  ///< u ← u − η m̂ / (√v̂ + ε), ε > 0
  double weight_decay = 0;  ///< w ≥ 0: adds w u to g (the gradient of w/2 ‖u‖²); AdamW: u ← u − η w u
};

enum class Schedule {
  constant,  ///< η
  cosine,    ///< η (1 + cos(π s)) / 2, s from 0 to 1 over the steps after the warm-up
  step,      ///< η · factor^⌊(steps after the warm-up) / period⌋
};

/// The learning rate as a function of the step alone.
struct LearningRate {
  double rate = 1e-3;  ///< η > 0
  Schedule schedule = Schedule::constant;
  std::int64_t warmup = 0;  ///< steps over which the rate rises linearly to η
  std::int64_t total = 1;   ///< all steps of the run
  std::int64_t period = 1;  ///< of the step schedule, in steps
  double factor = 0.1;      ///< of the step schedule

  /// η of step 0, 1, …, total − 1.
  [[nodiscard]] double at(std::int64_t step) const;
};

/// First-order updates of a flat vector. All memory is taken by the constructor.
template <class T>
class Optimizer {
 public:
  Optimizer(const OptimizerOptions& options, std::size_t size);

  /// One update of u with gradient g (both of the constructor's size); `scale` multiplies g (clipping).
  void step(std::span<T> u, std::span<const T> g, double learning_rate, double scale = 1);

  /// The same update piece by piece: `begin_step`, then `update` once for all entries. `piece` are those of g
  /// from `first` on; in `updated` (of the constructor's size, as u) stand thereafter those of the updated u.
  /// `updated` may be u, `piece` may be its entries from `first` on. Pieces may be updated on several
  /// threads.
  void begin_step(double learning_rate, double scale = 1);
  void update(std::ptrdiff_t first, std::span<const T> piece, std::span<const T> u, std::span<T> updated);

  /// What a checkpoint needs beside u: the moments and the number of steps taken.
  [[nodiscard]] std::span<T> first_moment() { return m_; }
  [[nodiscard]] std::span<T> second_moment() { return v_; }
  [[nodiscard]] std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps) { steps_ = steps; }

 private:
  /// The numbers of the current step.
  struct Coefficients {
    T scale, rate, eta, weight_decay, shrink, beta1, beta2, epsilon, second;
  };

  OptimizerOptions options_;
  Coefficients now_{};
  std::vector<T> m_;
  std::vector<T> v_;
  std::int64_t steps_ = 0;
};

}  // namespace turnpike
