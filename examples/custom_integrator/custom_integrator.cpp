// Three integrators of one's own, one for each way to write one: copy the one that fits.

#include <memory>
#include <vector>

#include "turnpike/plugin.hpp"

namespace {

using namespace turnpike;

// 1. A tableau: step, quadrature of the running cost and exact adjoint follow.

/// Ralston, Math. Comp. 16 (1962), p. 431: of all methods with two stages and order 2 that with the smallest
/// bound of the error.
ButcherTableau ralston() {
  ButcherTableau t;
  t.name = "ralston";
  t.source = "Ralston, Math. Comp. 16 (1962), p. 431";
  t.order = 2;
  t.A = {{0, 0}, {2.0 / 3, 0}};
  t.b = {0.25, 0.75};
  t.c = {0, 2.0 / 3};
  t.spurious_from = 2;  // h‖J‖ from which x⁺ = x can hold where F(x) ≠ 0; see `turnpike check-integrator`
  return t;
}

// 2. A one-step method: a step and its exact adjoint by hand.

/// K₁ = F(X), Y = X + h K₁, K₂ = F(Y), X⁺ = X + h/2 (K₁ + K₂), q⁺ = q + h/2 (ℓ(X) + ℓ(Y)).
template <class T>
class HandWrittenHeun final : public OneStepMethod<T> {
 public:
  [[nodiscard]] Footprint footprint(const ControlledSystem<T>& system) const override {
    return {.record = 2 * system.record_size(), .scratch = 3 * system.state_dimension() * system.columns()};
  }

  StepStatus step(const ControlledSystem<T>& system, T t, T h, Tile<T> X, T& cost, T* record,
                  T* scratch) const override {
    const Tile<T> K1 = scratch_tile(system, scratch, 0);
    const Tile<T> K2 = scratch_tile(system, scratch, 1);
    const Tile<T> Y = scratch_tile(system, scratch, 2);
    const T cost1 = system.evaluate(t, X, K1, record);
    matrix(Y) = matrix(X) + h * matrix(K1);
    const T cost2 = system.evaluate(t + h, Y, K2, record + system.record_size());
    matrix(X) += h / 2 * (matrix(K1) + matrix(K2));
    cost += h / 2 * (cost1 + cost2);
    return {};
  }

  /// W₂ = F_X(Y)ᵀ Λ₂ + μ h/2 ℓ_X(Y) with Λ₂ = h/2 λ⁺, W₁ likewise with Λ₁ = h/2 λ⁺ + h W₂; λ = λ⁺ + W₁ + W₂.
  /// The calls of pull_back add what belongs to the control to ū.
  StepStatus step_pull_back(const ControlledSystem<T>& system, T /*t*/, T h, T mu, Tile<T> lambda, T* ubar,
                            const T* record, T* scratch) const override {
    const Tile<T> W1 = scratch_tile(system, scratch, 0);
    const Tile<T> W2 = scratch_tile(system, scratch, 1);
    const Tile<T> Lambda = scratch_tile(system, scratch, 2);
    matrix(Lambda) = h / 2 * matrix(lambda);
    system.pull_back(record + system.record_size(), Lambda, mu * h / 2, W2, ubar);
    matrix(Lambda) += h * matrix(W2);
    system.pull_back(record, Lambda, mu * h / 2, W1, ubar);
    matrix(lambda) += matrix(W1) + matrix(W2);
    return {};
  }
};

IntegratorTraits two_stages(const char* name) {
  IntegratorTraits traits;
  traits.name = name;
  traits.source = "examples/custom_integrator";
  traits.order = 2;
  traits.stages = 2;
  traits.spurious_from = 2;
  return traits;
}

// 3. An interval method: it owns its steps.

/// Heun with three steps an interval of which each is twice as long as the one before: small ones behind a
/// jump of the control. Every step leaves its record on the tape, from which `pull_back` returns.
template <class T>
class GradedHeun final : public IntervalMethod<T> {
 public:
  /// Refuses options that it has no use for.
  explicit GradedHeun(const IntegratorOptions& options)
      : repeats_(equal_substeps(two_stages("graded-heun"), options)) {}

  [[nodiscard]] const IntegratorTraits& traits() const override { return traits_; }

  [[nodiscard]] std::unique_ptr<IntervalWorkspace> make_workspace(
      const ControlledSystem<T>& system) const override {
    auto workspace = std::make_unique<Workspace>();
    workspace->record.resize(static_cast<std::size_t>(heun_.footprint(system).record));
    workspace->scratch.resize(static_cast<std::size_t>(heun_.footprint(system).scratch));
    return workspace;
  }

  StepStatus advance(const ControlledSystem<T>& system, T t_begin, T t_end, Tile<T> X, T& cost, Tape<T>* tape,
                     IntervalWorkspace& workspace) const override {
    auto& memory = static_cast<Workspace&>(workspace);
    const T length = (t_end - t_begin) / static_cast<T>(repeats_);
    T t = t_begin;
    for (Index repeat = 0; repeat < repeats_; ++repeat) {
      for (const T part : {T(1), T(2), T(4)}) {
        const T h = length * part / 7;
        T* const record = tape != nullptr ? tape->push(t, h, static_cast<Index>(memory.record.size()))
                                          : memory.record.data();
        const StepStatus status = heun_.step(system, t, h, X, cost, record, memory.scratch.data());
        if (!status.ok()) {
          return status;
        }
        t += h;
      }
    }
    return {};
  }

  StepStatus pull_back(const ControlledSystem<T>& system, T /*t_begin*/, T /*t_end*/, T mu, Tile<T> lambda,
                       T* ubar, std::span<const TapeStep<T>> steps,
                       IntervalWorkspace& workspace) const override {
    auto& memory = static_cast<Workspace&>(workspace);
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
      const StepStatus status = heun_.step_pull_back(system, step->t, step->h, mu, lambda, ubar, step->record,
                                                     memory.scratch.data());
      if (!status.ok()) {
        return status;
      }
    }
    return {};
  }

 private:
  struct Workspace final : IntervalWorkspace {
    std::vector<T> record;
    std::vector<T> scratch;
  };
  Index repeats_;
  HandWrittenHeun<T> heun_;
  IntegratorTraits traits_ = two_stages("graded-heun");
};

}  // namespace

TURNPIKE_PLUGIN(registry) {
  registry.add(ralston());
  registry.add(
      two_stages("hand-written-heun"), [] { return std::make_unique<HandWrittenHeun<float>>(); },
      [] { return std::make_unique<HandWrittenHeun<double>>(); });
  registry.add(
      two_stages("graded-heun"),
      [](const IntegratorOptions& options) { return std::make_unique<GradedHeun<float>>(options); },
      [](const IntegratorOptions& options) { return std::make_unique<GradedHeun<double>>(options); });
}
