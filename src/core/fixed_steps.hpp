#pragma once

#include <memory>
#include <utility>

#include "core/stepwise.hpp"

namespace turnpike {

/// options.substeps, 1 unless set. Throws InputError when it is out of range.
Index checked_substeps(const IntegratorOptions& options);

/// What a tableau tells of its method.
IntegratorTraits traits_of(const ButcherTableau& tableau);

/// A one-step method taking the same number of equal steps in every control interval.
template <class T>
class FixedSteps final : public Stepwise<T, FixedSteps<T>> {
 public:
  FixedSteps(IntegratorTraits traits, Index substeps, std::unique_ptr<OneStepMethod<T>> method,
             Recovery recovery = Recovery::none)
      : Base(std::move(traits), std::move(method)), substeps_(substeps), recovery_(recovery) {}

  [[nodiscard]] std::unique_ptr<IntervalWorkspace> make_workspace(
      const ControlledSystem<T>& system) const override {
    return std::make_unique<typename Base::StepWorkspace>(*this->method(), system);
  }

  template <class Stepped>
  StepStatus take_steps(const ControlledSystem<T>& system, T t_begin, T t_end, Tile<T> X, T& cost,
                        Tape<T>* tape, IntervalWorkspace& workspace, Stepped&& stepped) const {
    auto& work = static_cast<typename Base::StepWorkspace&>(workspace);
    const T h = (t_end - t_begin) / T(static_cast<double>(substeps_));
    for (Index i = 0; i < substeps_; ++i) {
      const T t = t_begin + h * T(static_cast<double>(i));
      StepStatus status = this->take_step(system, t, h, X, cost, tape, work);
      if (status.outcome == StepOutcome::not_converged && recovery_ == Recovery::bisect) {
        const T half = h / T(2);
        status = this->take_step(system, t, half, X, cost, tape, work);
        if (status.ok()) {
          stepped(t, half);
          status = this->take_step(system, t + half, half, X, cost, tape, work);
        }
      }
      if (!status.ok()) {
        return status;
      }
      stepped(t, h);
    }
    return {};
  }

 private:
  using Base = Stepwise<T, FixedSteps<T>>;

  Index substeps_;
  Recovery recovery_;
};

}  // namespace turnpike
