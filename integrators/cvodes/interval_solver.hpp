#pragma once

#include <memory>
#include <vector>

#include "core/tolerances.hpp"
#include "cvodes/block_solver.hpp"
#include "cvodes/handles.hpp"
#include "cvodes/mean_block.hpp"
#include "cvodes/vector.hpp"
#include "turnpike/integrator.hpp"

namespace turnpike::cvodes {

/// Backward differentiation with Newton's method, or Adams-Moulton with fixed-point iteration.
enum class Formula { bdf, adams };

/// CVODES for one tile: x and the running cost forward over one control interval,
///
///     ẋ = F(x, u),   q̇ = ℓ(x, u),
///
/// and the continuous adjoint backward, x being integrated again and interpolated by cubic Hermite
/// polynomials,
///
///     λ̇ = −F_Xᵀλ − μ ℓ_X,   ū = ∫ F_uᵀλ + μ ℓ_u dt.
///
/// Every integral is under error control. Each interval begins anew, because u jumps there.
class IntervalSolver final : public IntervalWorkspace {
 public:
  /// Throws std::bad_alloc.
  IntervalSolver(Formula formula, Tolerances<double> tolerances, const ControlledSystem<double>& system);

  /// As IntervalMethod::advance, without the tape. `visit` sees every step, unless it is empty.
  StepStatus advance(const ControlledSystem<double>& system, double t_begin, double t_end, Tile<double> X,
                     double& cost, const StepVisitor<double>& visit = {});
  /// As IntervalMethod::pull_back, with X (n×D, contiguous) at t_begin.
  StepStatus pull_back(const ControlledSystem<double>& system, double t_begin, double t_end, double mu,
                       const double* X, Tile<double> lambda, double* ubar);

  IntervalSolver(const IntervalSolver&) = delete;
  IntervalSolver& operator=(const IntervalSolver&) = delete;
  ~IntervalSolver() override = default;

 private:
  /// What solves the equations of a step. CVODES' memory refers to it and goes first.
  struct Stepper {
    std::unique_ptr<BlockSolver> blocks;
    LinearSolverPtr krylov;
    std::unique_ptr<MeanBlock> preconditioner;  ///< of `krylov`
    NonlinearSolverPtr fixed_point;
    IntegratorPtr memory;  ///< null backward, where it belongs to that of the retracing
  };
  enum class Point { none, forward, backward };
  struct Callbacks;

  [[nodiscard]] Stepper make_solvers() const;
  [[nodiscard]] Stepper make_forward(bool with_cost);
  /// CVode to t_end; returns its flag.
  int run_forward(double t_end, const StepVisitor<double>& visit);
  void make_backward(double t_end);
  /// Integrates x again and keeps what the adjoint interpolates.
  int retrace(double t_begin, double t_end, const double* X);
  int start_backward(double t_end, double scale, double quadrature_scale);

  /// ẋ and ℓ at x, forward.
  void evaluate(double t, const double* x, double* xdot);
  /// The record at x(t) and ℓ_X, backward.
  void evaluate_for_adjoint(double t, const double* x);
  [[nodiscard]] bool is_at(const double* x) const;
  [[nodiscard]] StepStatus failure(int flag, void* memory, double t_begin, double t_end) const;
  [[nodiscard]] ConstTile<double> tile(const double* x) const { return {x, n_, columns_, columns_}; }
  [[nodiscard]] Tile<double> tile(double* x) const { return {x, n_, columns_, columns_}; }

  Formula formula_;
  Tolerances<double> tolerances_;
  Index n_;
  Index columns_;
  Index size_;  // n·D
  Index controls_;
  ContextPtr context_;
  VectorPtr x_;
  VectorPtr cost_;
  VectorPtr lambda_;
  VectorPtr ubar_;
  Stepper backward_;
  Stepper forward_;    // x and q
  Stepper retracing_;  // x alone, which spares ℓ; made by the first pull_back
  int which_ = -1;     // CVODES' number of the backward problem, −1 for none
  long capacity_ = 0;  // steps that the retracing keeps without an interruption
  long steps_ = 0;     // that the last retracing took

  // Of the call in progress.
  const ControlledSystem<double>* system_ = nullptr;
  const Stepper* stepping_ = nullptr;  // which of those of x
  double mu_ = 0;

  // The point of the last evaluation: forward known by its x, backward, where x follows from t, by t.
  Point point_ = Point::none;
  double t_ = 0;
  double running_ = 0;  // ℓ
  std::vector<double> record_;
  std::vector<double> at_;             // x
  std::vector<double> slope_;          // a derivative that nobody asked for
  std::vector<double> cost_gradient_;  // ℓ_X
};

}  // namespace turnpike::cvodes
