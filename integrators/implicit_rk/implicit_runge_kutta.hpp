#pragma once

#include <algorithm>
#include <utility>

#include "explicit_rk/linear_combination.hpp"
#include "implicit_rk/newton.hpp"
#include "turnpike/butcher_tableau.hpp"

namespace turnpike {

/// The implicit Runge-Kutta method of a tableau (A, b, c), with the running cost as one more state:
///
///     X_i = X + h Σ_j a_ij K_j,   K_i = F(X_i, u),   i = 1, …, s
///     X⁺ = X + h Σ_i b_i K_i,     q⁺ = q + h Σ_i b_i ℓ(X_i, u).
///
/// Diagonally implicit tableaus are solved stage by stage, the others for all stages together, by Newton to
/// rounding (Hairer, Wanner, Solving Ordinary Differential Equations II, IV.8). The exact adjoint at the
/// converged stages (Sanz-Serna, SIAM Review 58, 2016, section 3) solves the transposed systems
///
///     Λ_i = h b_i λ⁺ + h Σ_j a_ji W_j,   W_i = F_X(X_i)ᵀ Λ_i + μ h b_i ℓ_X(X_i),
///     λ = λ⁺ + Σ_i W_i,                  ū += F_u(X_i)ᵀ Λ_i + μ h b_i ℓ_u(X_i).
template <class T>
class ImplicitRungeKutta final : public OneStepMethod<T> {
 public:
  /// Systems above order `largest_direct` (≤ largest_elimination) go to GMRES.
  explicit ImplicitRungeKutta(ButcherTableau tableau, Index largest_direct = 12)
      : tableau_(std::move(tableau)), largest_direct_(largest_direct), diagonal_(is_diagonal(tableau_)) {}

  [[nodiscard]] Footprint footprint(const ControlledSystem<T>& system) const override {
    const Index state = system.state_dimension() * system.columns();
    return {.record = stages() * system.record_size(),
            .scratch = 3 * stages() * state +
                       StageNewton<T>::scratch_size(system, diagonal_ ? 1 : stages(), largest_direct_)};
  }

  StepStatus step(const ControlledSystem<T>& system, T t, T h, Tile<T> X, T& cost, T* record,
                  T* scratch) const override {
    const Memory memory(system, scratch, stages());
    std::array<T, most_implicit_stages> running{};
    const StepStatus status = diagonal_ ? solve_one_by_one(system, t, h, X, running.data(), record, memory)
                                        : solve_together(system, t, h, X, running.data(), record, memory);
    if (!status.ok()) {
      return {status.outcome, static_cast<double>(t), static_cast<double>(h), status.column};
    }
    // X⁺ = X + h Σ_i b_i K_i, q⁺ = q + h Σ_i b_i ℓ(X_i, u)
    LinearCombination<T> sum;
    T increment(0);
    for (Index i = 0; i < stages(); ++i) {
      sum.add(h * T(b(i)), memory.K.slot(i));
      increment += h * T(b(i)) * running[static_cast<std::size_t>(i)];
    }
    sum.add_to(X, X);
    cost += increment;
    return {};
  }

  StepStatus step_pull_back(const ControlledSystem<T>& system, T t, T h, T mu, Tile<T> lambda, T* ubar,
                            const T* record, T* scratch) const override {
    const Memory memory(system, scratch, stages());
    const Index s = stages();
    const auto record_of = [&](Index i) { return record + i * system.record_size(); };
    // Right-hand sides h b_i λ⁺ + h Σ_j a_ji μ h b_j ℓ_X(X_j), j over the stages solved with i.
    const Index group = diagonal_ ? 1 : s;
    const StageSystem<T> linear(system, group, largest_direct_, memory.rest);
    for (Index first = s - group; first >= 0; first -= group) {
      for (Index i = first; i < first + group; ++i) {
        LinearCombination<T> sum;
        sum.add(h * T(b(i)), lambda);
        for (Index j = first + group; j < s; ++j) {
          sum.add(h * T(a(j, i)), memory.W.slot(j));
        }
        sum.assign_to(memory.Lambda.slot(i));
      }
      if (couples(first, group)) {
        StageCoefficients<T> c{};
        for (Index j = first; j < first + group; ++j) {
          system.cost_gradient(record_of(j), memory.W.slot(j));
        }
        for (Index i = first; i < first + group; ++i) {
          LinearCombination<T> costs;
          for (Index j = first; j < first + group; ++j) {
            c[static_cast<std::size_t>(i - first)][static_cast<std::size_t>(j - first)] = h * T(a(j, i));
            costs.add(h * T(a(j, i)) * mu * h * T(b(j)), memory.W.slot(j));
          }
          costs.add_to(memory.Lambda.slot(i), memory.Lambda.slot(i));
        }
        if (!linear.solve(
                Orientation::adjoint, c, [&](Index j) { return record_of(first + j); },
                memory.Lambda.slot(first).data)) {
          return {StepOutcome::not_converged, static_cast<double>(t), static_cast<double>(h), -1};
        }
      }
      for (Index i = first; i < first + group; ++i) {
        // W_i = F_XᵀΛ_i + μ h b_i ℓ_X,  ū += F_uᵀΛ_i + μ h b_i ℓ_u
        system.pull_back(record_of(i), memory.Lambda.slot(i), mu * h * T(b(i)), memory.W.slot(i), ubar);
      }
    }
    // λ = λ⁺ + Σ_i W_i
    LinearCombination<T> sum;
    for (Index i = 0; i < s; ++i) {
      sum.add(T(1), memory.W.slot(i));
    }
    sum.add_to(lambda, lambda);
    return {};
  }

 private:
  /// Contiguous states (n×D), one a stage.
  struct Stack {
    T* data;
    Index rows;
    Index columns;
    [[nodiscard]] Tile<T> slot(Index i) const { return {data + i * rows * columns, rows, columns, columns}; }
  };
  struct Memory {
    Memory(const ControlledSystem<T>& system, T* scratch, Index s)
        : size(s * system.state_dimension() * system.columns()),
          K{scratch, system.state_dimension(), system.columns()},
          S{scratch + size, K.rows, K.columns},
          B{scratch + 2 * size, K.rows, K.columns},
          Lambda(K),
          W(S),
          rest(scratch + 3 * size) {}
    Index size;
    Stack K;
    Stack S;
    Stack B;
    Stack Lambda;  // where K was
    Stack W;       // where S was
    T* rest;
  };

  static void copy(ConstTile<T> from, Tile<T> to) {
    for (Index i = 0; i < from.rows; ++i) {
      std::copy_n(from.row(i), from.columns, to.row(i));
    }
  }

  static bool is_diagonal(const ButcherTableau& tableau) {
    for (std::size_t i = 0; i < tableau.b.size(); ++i) {
      for (std::size_t j = i + 1; j < tableau.b.size(); ++j) {
        if (tableau.A[i][j] != 0) {
          return false;
        }
      }
    }
    return true;
  }

  /// Whether the stages of a group depend on themselves or each other.
  [[nodiscard]] bool couples(Index first, Index group) const { return group > 1 || a(first, first) != 0; }

  StepStatus solve_one_by_one(const ControlledSystem<T>& system, T t, T h, ConstTile<T> X, T* cost, T* record,
                              const Memory& memory) const {
    const StageNewton<T> newton(system, 1, largest_direct_, memory.rest);
    for (Index i = 0; i < stages(); ++i) {
      // B_i = X + h Σ_{j<i} a_ij K_j, X_i = B_i + h a_ii F(X_i)
      LinearCombination<T> base;
      for (Index j = 0; j < i; ++j) {
        base.add(h * T(a(i, j)), memory.K.slot(j));
      }
      base.add_to(X, memory.B.slot(i));
      T* const stage_record = record + i * system.record_size();
      const auto time = [&](Index /*j*/) { return t + h * T(c(i)); };
      if (a(i, i) == 0) {
        cost[i] = system.evaluate(time(0), memory.B.slot(i), memory.K.slot(i), stage_record);
        continue;
      }
      // The guess: the stage before, or what is known of this one.
      copy(i > 0 && a(i - 1, i - 1) != 0 ? memory.S.slot(i - 1) : memory.B.slot(i), memory.S.slot(i));
      StageCoefficients<T> coefficients{};
      coefficients[0][0] = h * T(a(i, i));
      const StepStatus status =
          newton.solve(coefficients, memory.B.slot(i).data, memory.S.slot(i).data, memory.K.slot(i).data,
                       cost + i, time, [&](Index /*j*/) { return stage_record; });
      if (!status.ok()) {
        return status;
      }
    }
    return {};
  }

  StepStatus solve_together(const ControlledSystem<T>& system, T t, T h, ConstTile<T> X, T* cost, T* record,
                            const Memory& memory) const {
    const StageNewton<T> newton(system, stages(), largest_direct_, memory.rest);
    StageCoefficients<T> coefficients{};
    for (Index i = 0; i < stages(); ++i) {
      copy(X, memory.B.slot(i));
      copy(X, memory.S.slot(i));
      for (Index j = 0; j < stages(); ++j) {
        coefficients[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)] = h * T(a(i, j));
      }
    }
    return newton.solve(
        coefficients, memory.B.data, memory.S.data, memory.K.data, cost,
        [&](Index j) { return t + h * T(c(j)); }, [&](Index j) { return record + j * system.record_size(); });
  }

  [[nodiscard]] Index stages() const { return static_cast<Index>(tableau_.b.size()); }
  [[nodiscard]] double a(Index i, Index j) const {
    return tableau_.A[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)];
  }
  [[nodiscard]] double b(Index i) const { return tableau_.b[static_cast<std::size_t>(i)]; }
  [[nodiscard]] double c(Index i) const { return tableau_.c[static_cast<std::size_t>(i)]; }

  ButcherTableau tableau_;
  Index largest_direct_;
  bool diagonal_;
};

}  // namespace turnpike
