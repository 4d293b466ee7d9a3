#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "turnpike/integrator.hpp"

namespace turnpike {

/// options.substeps, 1 unless set. Throws InputError when it is out of range.
Index checked_substeps(const IntegratorOptions& options);

/// What a tableau tells of its method.
IntegratorTraits traits_of(const ButcherTableau& tableau);

/// The adjoint over the steps of an interval, last step first.
template <class T>
StepStatus pull_back_steps(const OneStepMethod<T>& method, const ControlledSystem<T>& system, T mu,
                           Tile<T> lambda, T* ubar, std::span<const TapeStep<T>> steps, T* scratch) {
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    const StepStatus status =
        method.step_pull_back(system, step->t, step->h, mu, lambda, ubar, step->record, scratch);
    if (!status.ok()) {
      return status;
    }
  }
  return {};
}

/// A one-step method taking the same number of equal steps in every control interval.
template <class T>
class FixedSteps final : public IntervalMethod<T> {
 public:
  FixedSteps(IntegratorTraits traits, Index substeps, std::unique_ptr<OneStepMethod<T>> method,
             Recovery recovery = Recovery::none)
      : traits_(std::move(traits)), substeps_(substeps), recovery_(recovery), method_(std::move(method)) {}

  [[nodiscard]] const IntegratorTraits& traits() const override { return traits_; }

  [[nodiscard]] std::unique_ptr<IntervalWorkspace> make_workspace(
      const ControlledSystem<T>& system) const override {
    auto workspace = std::make_unique<Workspace>();
    workspace->footprint = method_->footprint(system);
    workspace->scratch.resize(static_cast<std::size_t>(workspace->footprint.scratch));
    workspace->record.resize(static_cast<std::size_t>(workspace->footprint.record));
    return workspace;
  }

  StepStatus advance(const ControlledSystem<T>& system, T t_begin, T t_end, Tile<T> X, T& cost, Tape<T>* tape,
                     IntervalWorkspace& workspace) const override {
    return take_steps(system, t_begin, t_end, X, cost, tape, workspace, [](T, T) {});
  }

  StepStatus advance_visiting(const ControlledSystem<T>& system, T t_begin, T t_end, Tile<T> X, T& cost,
                              IntervalWorkspace& workspace, const StepVisitor<T>& visit) const override {
    return take_steps(system, t_begin, t_end, X, cost, nullptr, workspace,
                      [&](T t, T h) { visit(t + h, X); });
  }

  StepStatus pull_back(const ControlledSystem<T>& system, T /*t_begin*/, T /*t_end*/, T mu, Tile<T> lambda,
                       T* ubar, std::span<const TapeStep<T>> steps,
                       IntervalWorkspace& workspace) const override {
    return pull_back_steps(*method_, system, mu, lambda, ubar, steps,
                           static_cast<Workspace&>(workspace).scratch.data());
  }

 private:
  struct Workspace final : IntervalWorkspace {
    Footprint footprint;
    std::vector<T> scratch;
    std::vector<T> record;  // of the current step when nothing is taped
  };

  /// `stepped(t, h)` is called after each step.
  template <class Stepped>
  StepStatus take_steps(const ControlledSystem<T>& system, T t_begin, T t_end, Tile<T> X, T& cost,
                        Tape<T>* tape, IntervalWorkspace& workspace, Stepped&& stepped) const {
    auto& work = static_cast<Workspace&>(workspace);
    const T h = (t_end - t_begin) / T(static_cast<double>(substeps_));
    for (Index i = 0; i < substeps_; ++i) {
      const T t = t_begin + h * T(static_cast<double>(i));
      StepStatus status = take_step(system, t, h, X, cost, tape, work);
      if (status.outcome == StepOutcome::not_converged && recovery_ == Recovery::bisect) {
        const T half = h / T(2);
        status = take_step(system, t, half, X, cost, tape, work);
        if (status.ok()) {
          stepped(t, half);
          status = take_step(system, t + half, half, X, cost, tape, work);
        }
      }
      if (!status.ok()) {
        return status;
      }
      stepped(t, h);
    }
    return {};
  }

  /// One step; the tape keeps it when it succeeds.
  StepStatus take_step(const ControlledSystem<T>& system, T t, T h, Tile<T> X, T& cost, Tape<T>* tape,
                       Workspace& work) const {
    T* const record = tape == nullptr ? work.record.data() : tape->push(t, h, work.footprint.record);
    const StepStatus status = method_->step(system, t, h, X, cost, record, work.scratch.data());
    if (!status.ok() && tape != nullptr) {
      tape->pop();
    }
    return status;
  }

  IntegratorTraits traits_;
  Index substeps_;
  Recovery recovery_;
  std::unique_ptr<OneStepMethod<T>> method_;
};

}  // namespace turnpike
