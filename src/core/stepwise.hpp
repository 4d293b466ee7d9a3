#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "turnpike/error.hpp"
#include "turnpike/integrator.hpp"

namespace turnpike {

/// What interval methods share that go step by step by a one-step method, each step with a record on the
/// tape. `Method` says which steps, in `take_steps(system, t_begin, t_end, X, cost, tape, workspace,
/// stepped)`, where `stepped(t, h)` follows each of them.
template <class T, class Method>
class Stepwise : public IntervalMethod<T> {
 public:
  [[nodiscard]] const IntegratorTraits& traits() const final { return traits_; }

  StepStatus advance(const ControlledSystem<T>& system, T t_begin, T t_end, Tile<T> X, T& cost, Tape<T>* tape,
                     IntervalWorkspace& workspace) const final {
    return self().take_steps(system, t_begin, t_end, X, cost, tape, workspace, [](T, T) {});
  }

  StepStatus advance_visiting(const ControlledSystem<T>& system, T t_begin, T t_end, Tile<T> X, T& cost,
                              IntervalWorkspace& workspace, const StepVisitor<T>& visit) const final {
    return self().take_steps(system, t_begin, t_end, X, cost, nullptr, workspace,
                             [&](T t, T h) { visit(t + h, X); });
  }

  /// The adjoint over the steps of the interval, last step first.
  StepStatus pull_back(const ControlledSystem<T>& system, T /*t_begin*/, T /*t_end*/, T mu, Tile<T> lambda,
                       T* ubar, std::span<const TapeStep<T>> steps,
                       IntervalWorkspace& workspace) const final {
    T* const scratch = static_cast<StepWorkspace&>(workspace).scratch.data();
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
      const StepStatus status =
          method_->step_pull_back(system, step->t, step->h, mu, lambda, ubar, step->record, scratch);
      if (!status.ok()) {
        return status;
      }
    }
    return {};
  }

 protected:
  struct StepWorkspace : IntervalWorkspace {
    StepWorkspace(const OneStepMethod<T>& method, const ControlledSystem<T>& system)
        : footprint(checked(method.footprint(system))),
          scratch(static_cast<std::size_t>(footprint.scratch)),
          record(static_cast<std::size_t>(footprint.record)) {}

    Footprint footprint;
    std::vector<T> scratch;
    std::vector<T> record;  // of the current step when nothing is taped

   private:
    static Footprint checked(Footprint footprint) {
      if (footprint.record < 0 || footprint.scratch < 0) {
        throw InputError(
            "the footprint of a one-step method asks for record = " + std::to_string(footprint.record) +
            " and scratch = " + std::to_string(footprint.scratch) + " entries; give at least 0");
      }
      return footprint;
    }
  };

  Stepwise(IntegratorTraits traits, std::shared_ptr<const OneStepMethod<T>> method)
      : traits_(std::move(traits)), method_(std::move(method)) {}

  [[nodiscard]] const std::shared_ptr<const OneStepMethod<T>>& method() const { return method_; }

  /// One step; the tape keeps it when it succeeds.
  StepStatus take_step(const ControlledSystem<T>& system, T t, T h, Tile<T> X, T& cost, Tape<T>* tape,
                       StepWorkspace& work) const {
    T* const record = tape == nullptr ? work.record.data() : tape->push(t, h, work.footprint.record);
    const StepStatus status = method_->step(system, t, h, X, cost, record, work.scratch.data());
    if (!status.ok() && tape != nullptr) {
      tape->pop();
    }
    return status;
  }

 private:
  [[nodiscard]] const Method& self() const { return static_cast<const Method&>(*this); }

  IntegratorTraits traits_;
  std::shared_ptr<const OneStepMethod<T>> method_;
};

}  // namespace turnpike
