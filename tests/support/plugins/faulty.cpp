// A plug-in with the one fault that TURNPIKE_FAULT names.

#include <limits>
#include <memory>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "turnpike/butcher_tableau.hpp"
#include "turnpike/plugin.hpp"

namespace {

using namespace turnpike;

constexpr std::string_view fault = TURNPIKE_FAULT;

/// Explicit Euler up to its fault.
template <class T>
class Faulty final : public OneStepMethod<T> {
 public:
  [[nodiscard]] Footprint footprint(const ControlledSystem<T>& system) const override {
    if (fault == "throws-in-footprint") {
      throw std::runtime_error("no memory today");
    }
    if (fault == "negative-footprint") {
      return {.record = -5, .scratch = 0};
    }
    return {.record = system.record_size(), .scratch = system.state_dimension() * system.columns()};
  }
  StepStatus step(const ControlledSystem<T>& system, T t, T h, Tile<T> X, T& cost, T* record,
                  T* scratch) const override {
    if (fault == "throws-in-step" && t >= T(3)) {
      throw std::runtime_error("no step today");
    }
    const Tile<T> Xdot{scratch, X.rows, X.columns, X.columns};
    cost += h * system.evaluate(t, X, Xdot, record);
    matrix(X) += h * matrix(Xdot);
    if (fault == "returns-nan" && t >= T(3)) {
      X(0, 1) = std::numeric_limits<T>::quiet_NaN();
    }
    return {};
  }
  StepStatus step_pull_back(const ControlledSystem<T>& system, T t, T h, T mu, Tile<T> lambda, T* ubar,
                            const T* record, T* scratch) const override {
    if (fault == "throws-in-pull-back" && t >= T(3)) {
      throw 1;  // not even a std::exception
    }
    const Tile<T> W{scratch, lambda.rows, lambda.columns, lambda.columns};
    State<T> Lambda = h * matrix(lambda);
    system.pull_back(record, tile_of(Lambda), mu * h, W, ubar);
    matrix(lambda) += matrix(W);
    return {};
  }
};

/// An interval method that keeps no memory, not even a workspace.
template <class T>
class WithoutWorkspace final : public IntervalMethod<T> {
 public:
  explicit WithoutWorkspace(IntegratorTraits traits) : traits_(std::move(traits)) {}
  [[nodiscard]] const IntegratorTraits& traits() const override { return traits_; }
  [[nodiscard]] std::unique_ptr<IntervalWorkspace> make_workspace(
      const ControlledSystem<T>& /*system*/) const override {
    return nullptr;
  }
  StepStatus advance(const ControlledSystem<T>& /*system*/, T /*t_begin*/, T /*t_end*/, Tile<T> /*X*/,
                     T& /*cost*/, Tape<T>* /*tape*/, IntervalWorkspace& /*workspace*/) const override {
    return {};
  }
  StepStatus pull_back(const ControlledSystem<T>& /*system*/, T /*t_begin*/, T /*t_end*/, T /*mu*/,
                       Tile<T> /*lambda*/, T* /*ubar*/, std::span<const TapeStep<T>> /*steps*/,
                       IntervalWorkspace& /*workspace*/) const override {
    return {};
  }

 private:
  IntegratorTraits traits_;
};

/// RK4 that shows its steps at wrong times.
template <class T>
class WrongVisits final : public IntervalMethod<T> {
 public:
  explicit WrongVisits(IntegratorTraits traits)
      : traits_(std::move(traits)), inner_(builtin_integrators().make<T>("rk4", {})) {}
  [[nodiscard]] const IntegratorTraits& traits() const override { return traits_; }
  [[nodiscard]] std::unique_ptr<IntervalWorkspace> make_workspace(
      const ControlledSystem<T>& system) const override {
    return inner_->make_workspace(system);
  }
  StepStatus advance(const ControlledSystem<T>& system, T t_begin, T t_end, Tile<T> X, T& cost, Tape<T>* tape,
                     IntervalWorkspace& workspace) const override {
    return inner_->advance(system, t_begin, t_end, X, cost, tape, workspace);
  }
  StepStatus advance_visiting(const ControlledSystem<T>& system, T t_begin, T t_end, Tile<T> X, T& cost,
                              IntervalWorkspace& workspace, const StepVisitor<T>& visit) const override {
    return inner_->advance_visiting(system, t_begin, t_end, X, cost, workspace,
                                    [&](T t, ConstTile<T> seen) { visit(t + T(10), seen); });
  }
  StepStatus pull_back(const ControlledSystem<T>& system, T t_begin, T t_end, T mu, Tile<T> lambda, T* ubar,
                       std::span<const TapeStep<T>> steps, IntervalWorkspace& workspace) const override {
    return inner_->pull_back(system, t_begin, t_end, mu, lambda, ubar, steps, workspace);
  }

 private:
  IntegratorTraits traits_;
  std::unique_ptr<IntervalMethod<T>> inner_;
};

}  // namespace

TURNPIKE_PLUGIN(registry) {
  if (fault == "throws-in-registration") {
    throw std::runtime_error("no schemes today");
  }
  if (fault == "registers-nothing") {
    return;
  }
  IntegratorTraits traits;
  traits.name = fault == "clash" ? "rk4" : "faulty";
  traits.order = fault == "impossible-order" ? 0 : fault == "lies-about-order" ? 3 : 1;
  if (fault == "impossible-spurious") {
    traits.spurious_from = -1;
  }
  if (fault == "understates-order") {
    ButcherTableau heun;
    heun.name = "faulty";
    heun.order = 1;
    heun.A = {{0, 0}, {1, 0}};
    heun.b = {0.5, 0.5};
    heun.c = {0, 1};
    registry.add(heun);
    return;
  }
  if (fault == "ignores-substeps") {
    registry.add(
        traits,
        [=](const IntegratorOptions&) {
          return make_fixed_steps<float>(traits, 1, std::make_unique<Faulty<float>>());
        },
        [=](const IntegratorOptions&) {
          return make_fixed_steps<double>(traits, 1, std::make_unique<Faulty<double>>());
        });
    return;
  }
  if (fault == "no-float-factory") {
    registry.add(traits, IntegratorRegistry::OneStepFactory<float>(),
                 [] { return std::make_unique<Faulty<double>>(); });
    return;
  }
  if (fault == "wrong-visits") {
    traits.order = 4;
    traits.fixed_steps = false;
    registry.add(
        traits, [=](const IntegratorOptions&) { return std::make_unique<WrongVisits<float>>(traits); },
        [=](const IntegratorOptions&) { return std::make_unique<WrongVisits<double>>(traits); });
    return;
  }
  if (fault == "null-factory") {
    registry.add(
        traits, [](const IntegratorOptions&) { return std::unique_ptr<IntervalMethod<float>>(); },
        [](const IntegratorOptions&) { return std::unique_ptr<IntervalMethod<double>>(); });
    return;
  }
  if (fault == "null-workspace") {
    registry.add(
        traits, [=](const IntegratorOptions&) { return std::make_unique<WithoutWorkspace<float>>(traits); },
        [=](const IntegratorOptions&) { return std::make_unique<WithoutWorkspace<double>>(traits); });
    return;
  }
  if (fault == "null-one-step-factory") {
    registry.add(
        traits, [] { return std::unique_ptr<OneStepMethod<float>>(); }, nullptr);
    return;
  }
  const auto add = [&] {
    registry.add(
        traits, [] { return std::make_unique<Faulty<float>>(); },
        [] { return std::make_unique<Faulty<double>>(); });
  };
  add();
  if (fault == "lies-about-order") {
    traits.name = "sound";
    traits.order = 1;
    add();
  }
}
