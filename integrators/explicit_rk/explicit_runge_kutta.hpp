#pragma once

#include <utility>
#include <vector>

#include "explicit_rk/linear_combination.hpp"
#include "turnpike/butcher_tableau.hpp"

namespace turnpike {

/// The explicit Runge-Kutta method of a tableau (A, b, c), with the running cost as one more state:
///
///     X_i = X + h Σ_{j<i} a_ij K_j,   K_i = F(X_i, u),   i = 1, …, s
///     X⁺ = X + h Σ_i b_i K_i,         q⁺ = q + h Σ_i b_i ℓ(X_i, u)
///
/// and its exact adjoint (Sanz-Serna, SIAM Review 58, 2016, section 3; Hager, Numer. Math. 87, 2000):
///
///     Λ_i = h (b_i λ⁺ + Σ_{j>i} a_ji W_j),   W_i = F_X(X_i)ᵀ Λ_i + μ h b_i ℓ_X(X_i),   i = s, …, 1
///     λ = λ⁺ + Σ_i W_i,                      ū += F_u(X_i)ᵀ Λ_i + μ h b_i ℓ_u(X_i).
template <class T>
class ExplicitRungeKutta final : public OneStepMethod<T> {
 public:
  explicit ExplicitRungeKutta(ButcherTableau tableau) : tableau_(std::move(tableau)) {}

  [[nodiscard]] Footprint footprint(const ControlledSystem<T>& system) const override {
    const Index state = system.state_dimension() * system.columns();
    return {.record = stages() * system.record_size(), .scratch = (stages() + 1) * state};
  }

  StepStatus step(const ControlledSystem<T>& system, T t, T h, Tile<T> X, T& cost, T* record,
                  T* scratch) const override {
    const Index s = stages();
    const Memory memory(system, scratch);
    if (s == 1) {  // X⁺ = X + h b_1 F(X, u), added where it is computed
      cost += h * T(b(0)) * system.evaluate_add(t, X, h * T(b(0)), X, memory.slot(0), record);
      return {};
    }
    T increment(0);
    for (Index i = 0; i < s; ++i) {
      // X_i = X + h Σ_{j<i} a_ij K_j
      LinearCombination<T> stage;
      for (Index j = 0; j < i; ++j) {
        stage.add(h * T(a(i, j)), memory.slot(j));
      }
      ConstTile<T> Xi = X;
      if (!stage.empty()) {
        stage.add_to(X, memory.slot(s));
        Xi = memory.slot(s);
      }
      // K_i = F(X_i, u), q⁺ = q + h Σ b_i ℓ(X_i, u)
      const T running = system.evaluate(t + h * T(c(i)), Xi, memory.slot(i), stage_record(system, record, i));
      increment += h * T(b(i)) * running;
    }
    // X⁺ = X + h Σ_i b_i K_i
    LinearCombination<T> sum;
    for (Index i = 0; i < s; ++i) {
      sum.add(h * T(b(i)), memory.slot(i));
    }
    sum.add_to(X, X);
    cost += increment;
    return {};
  }

  StepStatus step_pull_back(const ControlledSystem<T>& system, T /*t*/, T h, T mu, Tile<T> lambda, T* ubar,
                            const T* record, T* scratch) const override {
    const Index s = stages();
    const Memory memory(system, scratch);
    const Tile<T> Lambda = memory.slot(s);
    for (Index i = s - 1; i >= 0; --i) {
      // Λ_i = h (b_i λ⁺ + Σ_{j>i} a_ji W_j)
      LinearCombination<T> stage;
      stage.add(h * T(b(i)), lambda);
      for (Index j = i + 1; j < s; ++j) {
        stage.add(h * T(a(j, i)), memory.slot(j));
      }
      ConstTile<T> Lambda_i = lambda;
      if (i + 1 < s || h * T(b(i)) != T(1)) {
        stage.assign_to(Lambda);
        Lambda_i = Lambda;
      }
      // W_i = F_XᵀΛ_i + μ h b_i ℓ_X,  ū += F_uᵀΛ_i + μ h b_i ℓ_u
      const T mu_i = mu * h * T(b(i));
      if (s == 1) {  // λ = λ⁺ + W_1, added where it is computed
        system.pull_back_add(record, Lambda_i, mu_i, lambda, memory.slot(0), ubar);
        return {};
      }
      system.pull_back(stage_record(system, record, i), Lambda_i, mu_i, memory.slot(i), ubar);
    }
    // λ = λ⁺ + Σ_i W_i
    LinearCombination<T> sum;
    for (Index i = 0; i < s; ++i) {
      sum.add(T(1), memory.slot(i));
    }
    sum.add_to(lambda, lambda);
    return {};
  }

 private:
  /// s + 1 states (n×D) side by side in the scratch memory.
  struct Memory {
    Memory(const ControlledSystem<T>& system, T* scratch)
        : first{scratch, system.state_dimension(), system.columns(), system.columns()} {}
    [[nodiscard]] Tile<T> slot(Index i) const {
      return {first.data + i * first.rows * first.stride, first.rows, first.columns, first.stride};
    }
    Tile<T> first;
  };

  template <class Pointer>
  static Pointer stage_record(const ControlledSystem<T>& system, Pointer record, Index i) {
    return record + i * system.record_size();
  }

  [[nodiscard]] Index stages() const { return static_cast<Index>(tableau_.b.size()); }
  [[nodiscard]] double a(Index i, Index j) const {
    return tableau_.A[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)];
  }
  [[nodiscard]] double b(Index i) const { return tableau_.b[static_cast<std::size_t>(i)]; }
  [[nodiscard]] double c(Index i) const { return tableau_.c[static_cast<std::size_t>(i)]; }

  ButcherTableau tableau_;
};

}  // namespace turnpike
