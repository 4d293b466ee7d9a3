#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "core/stepwise.hpp"
#include "odeint/step_choice.hpp"

namespace turnpike {

/// An error-controlled method: a controlled stepper chooses the accepted steps of an interval, anew in each,
/// and the one-step method of the same tableau takes them. The gradient is the exact adjoint on that frozen
/// sequence of steps: the derivative of the computed V wherever the sequence does not change (Hairer,
/// Nørsett, Wanner I, II.4).
template <class T>
class AdaptiveSteps final : public Stepwise<T, AdaptiveSteps<T>> {
 public:
  AdaptiveSteps(IntegratorTraits traits, odeint::Controller controller, T rtol, T atol,
                std::shared_ptr<const OneStepMethod<T>> method, bool frozen = false)
      : Base(std::move(traits), std::move(method)),
        controller_(controller),
        rtol_(rtol),
        atol_(atol),
        frozen_(frozen) {}

  [[nodiscard]] std::unique_ptr<IntervalMethod<T>> with_frozen_steps() const override {
    return std::make_unique<AdaptiveSteps>(this->traits(), controller_, rtol_, atol_, this->method(), true);
  }

  [[nodiscard]] std::unique_ptr<IntervalWorkspace> make_workspace(
      const ControlledSystem<T>& system) const override {
    return std::make_unique<Workspace>(*this, system);
  }

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
      const StepStatus status = this->take_step(system, t, h, X, cost, tape, work);
      if (!status.ok()) {
        return status;
      }
      stepped(t, h);
    }
    return {};
  }

 private:
  using Base = Stepwise<T, AdaptiveSteps<T>>;

  struct Workspace final : Base::StepWorkspace {
    Workspace(const AdaptiveSteps& method, const ControlledSystem<T>& system)
        : Base::StepWorkspace(*method.method(), system),
          field_record(static_cast<std::size_t>(system.record_size())),
          choice(method.controller_, method.rtol_, method.atol_,
                 system.state_dimension() * system.columns() + 1) {}

    std::vector<T> field_record;
    odeint::StepChoice<T> choice;                      // of the state and the running cost
    std::vector<std::pair<T, T>> steps;                // accepted (t, h) of the interval
    std::map<T, std::vector<std::pair<T, T>>> frozen;  // the same by t_begin, once chosen
  };

  /// Fills work.steps with the accepted (t, h) of the interval.
  StepStatus choose_steps(const ControlledSystem<T>& system, T t_begin, T t_end, ConstTile<T> X,
                          Workspace& work) const {
    std::vector<T>& y = work.choice.y();
    for (Index i = 0; i < X.rows; ++i) {
      std::copy_n(X.row(i), X.columns, y.data() + i * X.columns);
    }
    y.back() = T(0);
    work.steps.clear();
    return work.choice.run(odeint::derivative_of(system, work.field_record.data()), t_begin, t_end,
                           [&](T t, T h) { work.steps.emplace_back(t, h); });
  }

  odeint::Controller controller_;
  T rtol_;
  T atol_;
  bool frozen_;
};

}  // namespace turnpike
