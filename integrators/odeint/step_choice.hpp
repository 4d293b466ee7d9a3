#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "odeint/step_sequence.hpp"

namespace turnpike::odeint {

/// Error-controlled integration from one time to another that says which steps it took. u does not jump in
/// between.
template <class T>
class StepChoice {
 public:
  /// For `size` equations; rtol, atol > 0.
  StepChoice(Controller controller, T rtol, T atol, Index size)
      : y_(static_cast<std::size_t>(size)),
        before_(y_.size()),
        stepper_(make_controlled_stepper<T>(controller, rtol, atol)) {}

  /// What is integrated: set before `run`, read after it.
  [[nodiscard]] std::vector<T>& y() { return y_; }

  /// Integrates y from t_begin to t_end > t_begin. `accepted(t, h)` is called after each accepted step from t
  /// to t + h, with y there.
  template <class Accepted>
  StepStatus run(const Derivative<T>& derivative, T t_begin, T t_end, Accepted&& accepted) {
    stepper_->reset();
    const T smallest = 16 * std::numeric_limits<T>::epsilon() * std::max(std::abs(t_begin), std::abs(t_end));
    T t = t_begin;
    T h = t_end - t_begin;
    for (Index attempt = 0; t < t_end; ++attempt) {
      const T left = t_end - t;
      // A last step that would leave less than a thousandth of itself takes that along.
      h = h * T(1.001) >= left ? left : h;
      const T start = t;
      const T size = h;
      const StepStatus here{StepOutcome::ok, static_cast<double>(start), static_cast<double>(size), -1};
      if (attempt == most_attempts) {
        return {StepOutcome::too_many_steps, here.t, here.h, -1};
      }
      before_ = y_;
      const bool passed = stepper_->try_step(derivative, y_, t, h);
      // Odeint's error norm passes over NaN, so that a step into it counts as perfect.
      const bool finite = std::all_of(y_.begin(), y_.end(), [](T v) { return std::isfinite(v); });
      if (passed && finite) {
        t = size == left ? t_end : t;
        accepted(start, size);
        continue;
      }
      y_ = before_;
      t = start;
      if (!finite || !std::isfinite(h)) {
        h = size / 10;
        stepper_->reset();
      }
      if (h < smallest) {
        return {finite ? StepOutcome::step_too_small : StepOutcome::not_finite, here.t, here.h, -1};
      }
    }
    return {};
  }

 private:
  static constexpr Index most_attempts = 100'000;

  std::vector<T> y_;
  std::vector<T> before_;  // y before the step that is being tried
  std::unique_ptr<ControlledStepper<T>> stepper_;
};

}  // namespace turnpike::odeint
