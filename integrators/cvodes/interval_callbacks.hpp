#pragma once

#include <algorithm>

#include "core/solve_count.hpp"
#include "cvodes/block_solver.hpp"
#include "cvodes/interval_solver.hpp"
#include "cvodes/mean_block.hpp"
#include "cvodes/vector.hpp"

namespace turnpike::cvodes {

/// What CVODES calls. No exception leaves them.
struct IntervalSolver::Callbacks {
  static constexpr int again_with_smaller_step = 1;  // "recoverable" to CVODES
  static constexpr int give_up = -1;

  static IntervalSolver& self(void* data) { return *static_cast<IntervalSolver*>(data); }

  template <class Function>
  static int guarded(Function&& function) noexcept {
    try {
      return function();
    } catch (...) {
      return give_up;
    }
  }
  static int check(const double* x, Index length) {
    return finiteness(x, length) == 0 ? 0 : again_with_smaller_step;
  }

  static int slope(double t, N_Vector x, N_Vector xdot, void* data) noexcept {
    return guarded([&] {
      IntervalSolver& s = self(data);
      s.evaluate(t, entries(x), entries(xdot));
      return check(entries(xdot), s.size_);
    });
  }

  static int running_cost(double t, N_Vector x, N_Vector qdot, void* data) noexcept {
    return guarded([&] {
      IntervalSolver& s = self(data);
      if (!s.is_at(entries(x))) {
        s.evaluate(t, entries(x), s.slope_.data());
      }
      entries(qdot)[0] = s.running_;
      return check(entries(qdot), 1);
    });
  }

  static int blocks(double t, N_Vector x, N_Vector /*xdot*/, SUNMatrix M, int reuse, int* current,
                    double gamma, void* data, N_Vector /*work*/, N_Vector /*work*/,
                    N_Vector /*work*/) noexcept {
    return guarded([&] {
      IntervalSolver& s = self(data);
      BlockSolver& solver = BlockSolver::of(M);
      *current = reuse == SUNTRUE ? SUNFALSE : SUNTRUE;
      if (reuse == SUNFALSE) {
        if (!s.is_at(entries(x))) {
          s.evaluate(t, entries(x), s.slope_.data());
        }
        solver.set_jacobian(*s.system_, s.record_.data());
      }
      return solver.set_up(-gamma) ? 0 : again_with_smaller_step;
    });
  }

  static int prepare_product(double t, N_Vector x, N_Vector /*xdot*/, void* data) noexcept {
    return guarded([&] {
      IntervalSolver& s = self(data);
      linear_solves += s.columns_;  // CVODES prepares the products of one solve
      if (!s.is_at(entries(x))) {
        s.evaluate(t, entries(x), s.slope_.data());
      }
      return 0;
    });
  }

  static int product(N_Vector v, N_Vector Jv, double /*t*/, N_Vector /*x*/, N_Vector /*xdot*/, void* data,
                     N_Vector /*work*/) noexcept {
    return guarded([&] {
      IntervalSolver& s = self(data);
      s.system_->apply(s.record_.data(), s.tile(static_cast<const double*>(entries(v))), s.tile(entries(Jv)));
      return check(entries(Jv), s.size_);
    });
  }

  static int prepare_preconditioner(double t, N_Vector x, N_Vector /*xdot*/, int reuse, int* current,
                                    double gamma, void* data) noexcept {
    return guarded([&] {
      IntervalSolver& s = self(data);
      MeanBlock& block = *s.stepping_->preconditioner;
      *current = reuse == SUNTRUE ? SUNFALSE : SUNTRUE;
      if (reuse == SUNFALSE) {
        if (!s.is_at(entries(x))) {
          s.evaluate(t, entries(x), s.slope_.data());
        }
        block.set_jacobian(*s.system_, s.record_.data());
      }
      return block.set_up(-gamma) ? 0 : again_with_smaller_step;
    });
  }

  static int precondition(double /*t*/, N_Vector /*x*/, N_Vector /*xdot*/, N_Vector r, N_Vector z,
                          double /*gamma*/, double /*delta*/, int /*side*/, void* data) noexcept {
    return guarded([&] {
      self(data).stepping_->preconditioner->solve(entries(r), entries(z));
      return 0;
    });
  }

  static int costate_slope(double t, N_Vector x, N_Vector lambda, N_Vector lambda_dot, void* data) noexcept {
    return guarded([&] {
      IntervalSolver& s = self(data);
      s.evaluate_for_adjoint(t, entries(x));
      double* const out = entries(lambda_dot);
      s.system_->apply_transposed(s.record_.data(), s.tile(static_cast<const double*>(entries(lambda))),
                                  s.tile(out));
      const double mu = s.mu_;
      const double* const gradient = s.cost_gradient_.data();
      const Index size = s.size_;
#pragma omp simd
      for (Index i = 0; i < size; ++i) {
        out[i] = -out[i] - mu * gradient[i];
      }
      return check(out, size);
    });
  }

  static int control_gradient(double t, N_Vector x, N_Vector lambda, N_Vector qdot, void* data) noexcept {
    return guarded([&] {
      IntervalSolver& s = self(data);
      s.evaluate_for_adjoint(t, entries(x));
      double* const out = entries(qdot);
      std::fill_n(out, s.controls_, 0.0);
      s.system_->accumulate_control(s.record_.data(), s.tile(static_cast<const double*>(entries(lambda))),
                                    s.mu_, out);
      for (Index i = 0; i < s.controls_; ++i) {
        out[i] = -out[i];  // the integral runs from t_end to t_begin
      }
      return check(out, s.controls_);
    });
  }

  static int blocks_backward(double t, N_Vector x, N_Vector /*lambda*/, N_Vector /*lambda_dot*/, SUNMatrix M,
                             int reuse, int* current, double gamma, void* data, N_Vector /*work*/,
                             N_Vector /*work*/, N_Vector /*work*/) noexcept {
    return guarded([&] {
      IntervalSolver& s = self(data);
      BlockSolver& solver = BlockSolver::of(M);
      *current = reuse == SUNTRUE ? SUNFALSE : SUNTRUE;
      if (reuse == SUNFALSE) {
        s.evaluate_for_adjoint(t, entries(x));
        solver.set_jacobian(*s.system_, s.record_.data());
      }
      return solver.set_up_transposed(gamma) ? 0 : again_with_smaller_step;  // the Jacobian is −F_Xᵀ
    });
  }

  static int prepare_preconditioner_backward(double t, N_Vector x, N_Vector /*lambda*/,
                                             N_Vector /*lambda_dot*/, int reuse, int* current, double gamma,
                                             void* data) noexcept {
    return guarded([&] {
      IntervalSolver& s = self(data);
      MeanBlock& block = *s.backward_.preconditioner;
      *current = reuse == SUNTRUE ? SUNFALSE : SUNTRUE;
      if (reuse == SUNFALSE) {
        s.evaluate_for_adjoint(t, entries(x));
        block.set_jacobian(*s.system_, s.record_.data());
      }
      return block.set_up_transposed(gamma) ? 0 : again_with_smaller_step;  // the Jacobian is −F_Xᵀ
    });
  }

  static int precondition_backward(double /*t*/, N_Vector /*x*/, N_Vector /*lambda*/, N_Vector /*lambda_dot*/,
                                   N_Vector r, N_Vector z, double /*gamma*/, double /*delta*/, int /*side*/,
                                   void* data) noexcept {
    return guarded([&] {
      self(data).backward_.preconditioner->solve(entries(r), entries(z));
      return 0;
    });
  }

  static int prepare_product_backward(double t, N_Vector x, N_Vector /*lambda*/, N_Vector /*lambda_dot*/,
                                      void* data) noexcept {
    return guarded([&] {
      IntervalSolver& s = self(data);
      linear_solves += s.columns_;
      s.evaluate_for_adjoint(t, entries(x));
      return 0;
    });
  }

  static int product_backward(N_Vector v, N_Vector Jv, double t, N_Vector x, N_Vector /*lambda*/,
                              N_Vector /*lambda_dot*/, void* data, N_Vector /*work*/) noexcept {
    return guarded([&] {
      IntervalSolver& s = self(data);
      s.evaluate_for_adjoint(t, entries(x));
      double* const out = entries(Jv);
      s.system_->apply_transposed(s.record_.data(), s.tile(static_cast<const double*>(entries(v))),
                                  s.tile(out));
      for (Index i = 0; i < s.size_; ++i) {
        out[i] = -out[i];
      }
      return check(out, s.size_);
    });
  }
};

}  // namespace turnpike::cvodes
