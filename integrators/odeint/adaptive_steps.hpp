#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "core/fixed_steps.hpp"
#include "odeint/step_choice.hpp"

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
    work->choice = std::make_unique<odeint::StepChoice<T>>(controller_, rtol_, atol_,
                                                           system.state_dimension() * system.columns() + 1);
    return work;
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
    std::vector<T> record;
    std::unique_ptr<odeint::StepChoice<T>> choice;     // of the state and the running cost
    std::vector<std::pair<T, T>> steps;                // accepted (t, h) of the interval
    std::map<T, std::vector<std::pair<T, T>>> frozen;  // the same by t_begin, once chosen
  };

  /// `stepped(t, h)` is called after each step.
  template <class Stepped>
  StepStatus take_steps(const ControlledSystem<T>& system, T t_begin, T t_end, Tile<T> X, T& cost,
                        Tape<T>* tape, IntervalWorkspace& workspace, Stepped&& stepped) const {
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
      stepped(t, h);
    }
    return {};
  }

  /// Fills work.steps with the accepted (t, h) of the interval.
  StepStatus choose_steps(const ControlledSystem<T>& system, T t_begin, T t_end, ConstTile<T> X,
                          Workspace& work) const {
    std::vector<T>& y = work.choice->y();
    for (Index i = 0; i < X.rows; ++i) {
      std::copy_n(X.row(i), X.columns, y.data() + i * X.columns);
    }
    y.back() = T(0);
    work.steps.clear();
    return work.choice->run(odeint::derivative_of(system, work.record.data()), t_begin, t_end,
                            [&](T t, T h) { work.steps.emplace_back(t, h); });
  }

  IntegratorTraits traits_;
  odeint::Controller controller_;
  T rtol_;
  T atol_;
  std::shared_ptr<const OneStepMethod<T>> method_;
  bool frozen_;
};

}  // namespace turnpike
