#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "core/fixed_steps.hpp"
#include "odeint/step_sequence.hpp"

namespace turnpike {

/// An error-controlled method: a controlled stepper chooses the accepted steps of an interval, anew in each,
/// and the one-step method of the same tableau takes them. The gradient is the exact adjoint on that frozen
/// sequence of steps: the derivative of the computed V wherever the sequence does not change (Hairer,
/// Nørsett, Wanner I, II.4).
template <class T>
class AdaptiveSteps final : public IntervalMethod<T> {
 public:
  AdaptiveSteps(IntegratorTraits traits, odeint::Controller controller, T rtol, T atol,
                std::shared_ptr<const OneStepMethod<T>> method, bool frozen = false)
      : traits_(std::move(traits)),
        controller_(controller),
        rtol_(rtol),
        atol_(atol),
        method_(std::move(method)),
        frozen_(frozen) {}

  [[nodiscard]] const IntegratorTraits& traits() const override { return traits_; }

  [[nodiscard]] std::unique_ptr<IntervalMethod<T>> with_frozen_steps() const override {
    return std::make_unique<AdaptiveSteps>(traits_, controller_, rtol_, atol_, method_, true);
  }

  [[nodiscard]] std::unique_ptr<IntervalWorkspace> make_workspace(
      const ControlledSystem<T>& system) const override {
    auto work = std::make_unique<Workspace>();
    work->footprint = method_->footprint(system);
    work->scratch.resize(static_cast<std::size_t>(work->footprint.scratch));
    work->record.resize(static_cast<std::size_t>(std::max(work->footprint.record, system.record_size())));
    const Index state = system.state_dimension() * system.columns();
    work->y.resize(static_cast<std::size_t>(state) + 1);
    work->before.resize(work->y.size());
    work->stepper = odeint::make_controlled_stepper<T>(controller_, rtol_, atol_);
    return work;
  }

  StepStatus advance(const ControlledSystem<T>& system, T t_begin, T t_end, Tile<T> X, T& cost, Tape<T>* tape,
                     IntervalWorkspace& workspace) const override {
    auto& work = static_cast<Workspace&>(workspace);
    const auto kept = frozen_ ? work.frozen.find(t_begin) : work.frozen.end();
    if (kept != work.frozen.end()) {
      work.steps = kept->second;
    } else {
      const StepStatus chosen = choose_steps(system, t_begin, t_end, X, work);
      if (!chosen.ok()) {
        return chosen;
      }
      if (frozen_) {
        work.frozen.emplace(t_begin, work.steps);
      }
    }
    for (const auto& [t, h] : work.steps) {
      T* const record = tape == nullptr ? work.record.data() : tape->push(t, h, work.footprint.record);
      const StepStatus status = method_->step(system, t, h, X, cost, record, work.scratch.data());
      if (!status.ok()) {
        return status;
      }
    }
    return {};
  }

  StepStatus pull_back(const ControlledSystem<T>& system, T /*t_begin*/, T /*t_end*/, T mu, Tile<T> lambda,
                       T* ubar, std::span<const TapeStep<T>> steps,
                       IntervalWorkspace& workspace) const override {
    return pull_back_steps(*method_, system, mu, lambda, ubar, steps,
                           static_cast<Workspace&>(workspace).scratch.data());
  }

 private:
  static constexpr std::size_t most_attempts = 100'000;

  struct Workspace final : IntervalWorkspace {
    Footprint footprint;
    std::vector<T> scratch;
    std::vector<T> record;
    std::vector<T> y;                    // the state and the running cost, as the controller has them
    std::vector<T> before;               // y before the step that is being tried
    std::vector<std::pair<T, T>> steps;  // accepted (t, h) of the interval
    std::map<T, std::vector<std::pair<T, T>>> frozen;  // the same by t_begin, once chosen
    std::unique_ptr<odeint::ControlledStepper<T>> stepper;
  };

  /// Fills work.steps with the accepted (t, h) of the interval.
  StepStatus choose_steps(const ControlledSystem<T>& system, T t_begin, T t_end, ConstTile<T> X,
                          Workspace& work) const {
    for (Index i = 0; i < X.rows; ++i) {
      std::copy_n(X.row(i), X.columns, work.y.data() + i * X.columns);
    }
    work.y.back() = T(0);
    work.steps.clear();
    work.stepper->reset();
    const T smallest = 16 * std::numeric_limits<T>::epsilon() * std::max(std::abs(t_begin), std::abs(t_end));
    T t = t_begin;
    T h = t_end - t_begin;
    for (std::size_t attempt = 0; t < t_end; ++attempt) {
      const T left = t_end - t;
      // A last step that would leave less than a thousandth of itself takes that along.
      h = h * T(1.001) >= left ? left : h;
      const T start = t;
      const T size = h;
      const StepStatus here{StepOutcome::ok, static_cast<double>(start), static_cast<double>(size), -1};
      if (attempt == most_attempts) {
        return {StepOutcome::too_many_steps, here.t, here.h, -1};
      }
      work.before = work.y;
      const bool passed = work.stepper->try_step(system, work.record.data(), work.y, t, h);
      // Odeint's error norm passes over NaN, so that a step into it counts as perfect.
      const bool finite = std::all_of(work.y.begin(), work.y.end(), [](T v) { return std::isfinite(v); });
      if (passed && finite) {
        work.steps.emplace_back(start, size);
        t = size == left ? t_end : t;
        continue;
      }
      work.y = work.before;
      t = start;
      if (!finite || !std::isfinite(h)) {
        h = size / 10;
        work.stepper->reset();
      }
      if (h < smallest) {
        return {finite ? StepOutcome::step_too_small : StepOutcome::not_finite, here.t, here.h, -1};
      }
    }
    return {};
  }

  IntegratorTraits traits_;
  odeint::Controller controller_;
  T rtol_;
  T atol_;
  std::shared_ptr<const OneStepMethod<T>> method_;
  bool frozen_;
};

}  // namespace turnpike
