#pragma once

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "odeint/step_choice.hpp"

namespace turnpike {

/// An error-controlled method with the continuous adjoint in place of the discrete one: backward in time,
///
///     λ̇ = −F_Xᵀλ − μ ℓ_X,   ū = ∫ F_uᵀλ + μ ℓ_u dt,
///
/// under error control of its own (Chen et al., Neural Ordinary Differential Equations, 2018, appendix B).
/// x(t) is not integrated backward, which is unstable where the field contracts: a step of the method from
/// the last accepted state before t retraces it. The gradient is that of the exact V up to the tolerances,
/// and not the derivative of the computed V.
template <class T>
class ContinuousAdjointSteps final : public IntervalMethod<T> {
 public:
  ContinuousAdjointSteps(IntegratorTraits traits, odeint::Controller controller, T rtol, T atol,
                         std::unique_ptr<OneStepMethod<T>> method)
      : traits_(std::move(traits)),
        controller_(controller),
        rtol_(rtol),
        atol_(atol),
        method_(std::move(method)) {
    traits_.adjoint = AdjointKind::continuous;
  }

  [[nodiscard]] const IntegratorTraits& traits() const override { return traits_; }

  [[nodiscard]] std::unique_ptr<IntervalWorkspace> make_workspace(
      const ControlledSystem<T>& system) const override {
    return std::make_unique<Workspace>(*this, system);
  }

  StepStatus advance(const ControlledSystem<T>& system, T t_begin, T t_end, Tile<T> X, T& cost, Tape<T>* tape,
                     IntervalWorkspace& workspace) const override {
    const Index size = X.rows * X.columns;
    return forward(system, t_begin, t_end, X, cost, workspace, [&](T t, T h, const T* x) {
      if (tape != nullptr) {
        std::copy_n(x, size, tape->push(t, h, size));
      }
    });
  }

  StepStatus advance_visiting(const ControlledSystem<T>& system, T t_begin, T t_end, Tile<T> X, T& cost,
                              IntervalWorkspace& workspace, const StepVisitor<T>& visit) const override {
    auto& work = static_cast<Workspace&>(workspace);
    return forward(system, t_begin, t_end, X, cost, workspace, [&](T t, T h, const T* /*x*/) {
      visit(t + h, {work.forward.y().data(), X.rows, X.columns, X.columns});
    });
  }

  StepStatus pull_back(const ControlledSystem<T>& system, T t_begin, T t_end, T mu, Tile<T> lambda, T* ubar,
                       std::span<const TapeStep<T>> steps, IntervalWorkspace& workspace) const override {
    auto& work = static_cast<Workspace&>(workspace);
    const Index size = lambda.rows * lambda.columns;
    const Index controls = system.control_dimension();
    std::vector<T>& y = work.backward.y();
    for (Index i = 0; i < lambda.rows; ++i) {
      std::copy_n(lambda.row(i), lambda.columns, y.data() + i * lambda.columns);
    }
    std::fill_n(y.data() + size, controls, T(0));

    // The adjoint is linear and its size that of the costs' weights: both parts are integrated relative to
    // the sizes that they reach, so that atol has a meaning.
    work.rate.assign(y.size(), T(0));
    T scale(1);
    T gradient_scale(1);
    const auto rates = [&](T tau, const std::vector<T>& from, std::vector<T>& to) {
      const T t = -tau;
      if (!retrace(system, t, steps, work)) {
        std::fill(to.begin(), to.end(), std::numeric_limits<T>::quiet_NaN());
        return;
      }
      const Tile<T> back{to.data(), lambda.rows, lambda.columns, lambda.columns};
      std::transform(from.begin(), from.begin() + size, work.costate.begin(),
                     [&](T value) { return value * scale; });
      std::fill(to.begin() + size, to.end(), T(0));
      (void)system.evaluate(t, work.x_tile(system), work.slope_tile(system), work.record.data());
      system.pull_back(work.record.data(), {work.costate.data(), lambda.rows, lambda.columns, lambda.columns},
                       mu, back, to.data() + size);
      for (Index i = 0; i < size; ++i) {
        to[static_cast<std::size_t>(i)] /= scale;
      }
      for (Index i = size; i < size + controls; ++i) {
        to[static_cast<std::size_t>(i)] /= gradient_scale;
      }
    };
    rates(-t_end, y, work.rate);
    const auto largest = [](const T* values, Index count) {
      T most(0);
      for (Index i = 0; i < count; ++i) {
        most = std::max(most, std::abs(values[i]));
      }
      return most;
    };
    const T h = t_end - t_begin;
    scale = positive_or_one(largest(y.data(), size) + h * largest(work.rate.data(), size));
    gradient_scale = positive_or_one(h * largest(work.rate.data() + size, controls));
    for (Index i = 0; i < size; ++i) {
      y[static_cast<std::size_t>(i)] /= scale;
    }

    const odeint::Derivative<T> derivative = [&rates](const std::vector<T>& from, std::vector<T>& to, T tau) {
      rates(tau, from, to);
    };
    StepStatus status = work.backward.run(derivative, -t_end, -t_begin, [](T, T) {});
    if (!status.ok()) {
      status.t = -status.t;
      return status;
    }
    for (Index i = 0; i < lambda.rows; ++i) {
      std::transform(y.data() + i * lambda.columns, y.data() + (i + 1) * lambda.columns, lambda.row(i),
                     [&](T value) { return value * scale; });
    }
    for (Index i = 0; i < controls; ++i) {
      ubar[i] += gradient_scale * y[static_cast<std::size_t>(size + i)];
    }
    return {};
  }

 private:
  struct Workspace final : IntervalWorkspace {
    Workspace(const ContinuousAdjointSteps& method, const ControlledSystem<T>& system)
        : forward(method.controller_, method.rtol_, method.atol_,
                  system.state_dimension() * system.columns() + 1),
          backward(method.controller_, method.rtol_, method.atol_,
                   system.state_dimension() * system.columns() + system.control_dimension()) {
      const Footprint footprint = method.method_->footprint(system);
      const auto size = static_cast<std::size_t>(system.state_dimension() * system.columns());
      record.resize(static_cast<std::size_t>(std::max(footprint.record, system.record_size())));
      scratch.resize(static_cast<std::size_t>(footprint.scratch));
      before.resize(size);
      x.resize(size);
      slope.resize(size);
      costate.resize(size);
    }
    [[nodiscard]] ConstTile<T> x_tile(const ControlledSystem<T>& s) const {
      return {x.data(), s.state_dimension(), s.columns(), s.columns()};
    }
    [[nodiscard]] Tile<T> slope_tile(const ControlledSystem<T>& s) {
      return {slope.data(), s.state_dimension(), s.columns(), s.columns()};
    }

    odeint::StepChoice<T> forward;   // of x and the running cost
    odeint::StepChoice<T> backward;  // of λ and ū
    std::vector<T> record;
    std::vector<T> scratch;
    std::vector<T> before;   // x where the current step began
    std::vector<T> x;        // x(t), retraced
    std::vector<T> slope;    // a derivative that nobody asked for
    std::vector<T> costate;  // λ(t)
    std::vector<T> rate;     // of λ and ū at t_end
  };

  static T positive_or_one(T value) { return value > T(0) && std::isfinite(value) ? value : T(1); }

  /// `stepped(t, h, x)` is called after each accepted step with the state x at its beginning.
  template <class Stepped>
  StepStatus forward(const ControlledSystem<T>& system, T t_begin, T t_end, Tile<T> X, T& cost,
                     IntervalWorkspace& workspace, Stepped&& stepped) const {
    auto& work = static_cast<Workspace&>(workspace);
    std::vector<T>& y = work.forward.y();
    const Index size = X.rows * X.columns;
    for (Index i = 0; i < X.rows; ++i) {
      std::copy_n(X.row(i), X.columns, y.data() + i * X.columns);
    }
    y.back() = T(0);
    std::copy_n(y.data(), size, work.before.data());
    const odeint::Derivative<T> derivative = odeint::derivative_of(system, work.record.data());
    const StepStatus status = work.forward.run(derivative, t_begin, t_end, [&](T t, T h) {
      stepped(t, h, work.before.data());
      std::copy_n(y.data(), size, work.before.data());
    });
    if (status.ok()) {
      for (Index i = 0; i < X.rows; ++i) {
        std::copy_n(y.data() + i * X.columns, X.columns, X.row(i));
      }
      cost += y.back();
    }
    return status;
  }

  /// work.x = x(t). False when the step there fails.
  bool retrace(const ControlledSystem<T>& system, T t, std::span<const TapeStep<T>> steps,
               Workspace& work) const {
    assert(!steps.empty());
    const auto after = std::upper_bound(steps.begin(), steps.end(), t,
                                        [](T time, const TapeStep<T>& s) { return time < s.t; });
    const TapeStep<T>& step = after == steps.begin() ? steps.front() : *(after - 1);
    std::copy_n(step.record, work.x.size(), work.x.data());
    const T h = t - step.t;
    if (h <= T(0)) {
      return true;
    }
    T unused(0);
    return method_
        ->step(system, step.t, h,
               {work.x.data(), system.state_dimension(), system.columns(), system.columns()}, unused,
               work.record.data(), work.scratch.data())
        .ok();
  }

  IntegratorTraits traits_;
  odeint::Controller controller_;
  T rtol_;
  T atol_;
  std::unique_ptr<OneStepMethod<T>> method_;
};

}  // namespace turnpike
