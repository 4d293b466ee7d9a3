#pragma once

#include <petscts.h>

#include <algorithm>
#include <utility>

#include "turnpike/problem.hpp"

namespace turnpike::bench {

/// A training problem for PETSc's TSAdjoint by RK4 with one step an interval: all samples are one state of
/// n·D entries. The gradient with respect to the control is taken interval by interval, so that the adjoint
/// carries n_u parameters. How the field and the running cost are computed is the derived class's; the
/// terminal cost, once a gradient, is turnpike's.
class TrajectoryAdjoint {
 public:
  TrajectoryAdjoint(const ProblemDefinition<double>& definition, const Dataset<double>& data)
      : definition_(definition),
        n_(definition.field->state_dimension()),
        samples_(data.size()),
        parameters_(definition.field->layout().size()),
        initial_state_(State<double>::Zero(n_, samples_)),
        terminal_targets_(definition.terminal->rows(), samples_),
        terminal_gradient_(definition.terminal->rows(), samples_) {
    initial_state_.topRows(data.feature_count()) = data.features;
    definition.terminal->make_targets(data.labels, tile_of(terminal_targets_));
  }
  TrajectoryAdjoint(const TrajectoryAdjoint&) = delete;
  TrajectoryAdjoint& operator=(const TrajectoryAdjoint&) = delete;
  virtual ~TrajectoryAdjoint() = default;

  PetscErrorCode create() {
    PetscFunctionBeginUser;
    const auto entries = static_cast<PetscInt>(n_ * samples_);
    const auto parameters = static_cast<PetscInt>(parameters_);
    PetscCall(VecCreateSeq(PETSC_COMM_SELF, entries, &state_));
    PetscCall(VecDuplicate(state_, &costate_));
    PetscCall(VecCreateSeq(PETSC_COMM_SELF, parameters, &interval_gradient_));
    PetscCall(create_shell(entries, entries, multiply_by_state_jacobian, state_jacobian_));
    PetscCall(create_shell(entries, parameters, multiply_by_control_jacobian, control_jacobian_));
    PetscCall(create_column(entries, cost_state_gradient_));
    PetscCall(create_column(parameters, cost_control_gradient_));

    PetscCall(TSCreate(PETSC_COMM_SELF, &solver_));
    PetscCall(TSSetProblemType(solver_, TS_NONLINEAR));
    PetscCall(TSSetType(solver_, TSRK));
    PetscCall(TSRKSetType(solver_, TSRK4));
    PetscCall(TSSetRHSFunction(solver_, nullptr, evaluate, this));
    PetscCall(TSSetRHSJacobian(solver_, state_jacobian_, state_jacobian_, linearize_in_state, this));
    PetscCall(TSSetRHSJacobianP(solver_, control_jacobian_, linearize_in_control, this));

    TS quadrature = nullptr;  // the solver's own
    PetscCall(TSCreateQuadratureTS(solver_, PETSC_TRUE, &quadrature));
    PetscCall(TSSetRHSFunction(quadrature, nullptr, evaluate_running_cost, this));
    PetscCall(TSSetRHSJacobian(quadrature, cost_state_gradient_, cost_state_gradient_,
                               differentiate_running_cost, this));
    PetscCall(TSSetRHSJacobianP(quadrature, cost_control_gradient_, leave_at_zero, this));

    TSAdapt step_control = nullptr;  // the solver's own
    PetscCall(TSGetAdapt(solver_, &step_control));
    PetscCall(TSAdaptSetType(step_control, TSADAPTNONE));
    PetscCall(TSSetMaxSteps(solver_, static_cast<PetscInt>(definition_.grid.intervals())));
    PetscCall(TSSetMaxTime(solver_, definition_.grid.horizon()));
    PetscCall(TSSetTimeStep(solver_, definition_.grid.length(0)));
    PetscCall(TSSetExactFinalTime(solver_, TS_EXACTFINALTIME_STEPOVER));
    PetscCall(TSSetApplicationContext(solver_, this));
    PetscCall(TSSetPreStep(solver_, choose_interval));
    PetscCall(TSAdjointMonitorSet(solver_, take_interval_gradient, this, nullptr));
    PetscCall(TSSetCostGradients(solver_, 1, &costate_, &interval_gradient_));

    PetscCall(TSSetSaveTrajectory(solver_));
    TSTrajectory trajectory = nullptr;  // the solver's own
    PetscCall(TSGetTrajectory(solver_, &trajectory));
    PetscCall(TSTrajectorySetType(trajectory, solver_, TSTRAJECTORYMEMORY));
    PetscCall(TSTrajectorySetSolutionOnly(trajectory, PETSC_FALSE));

    PetscCall(TSSetSolution(solver_, state_));
    PetscCall(TSSetUp(solver_));
    PetscInt stages = 0;
    PetscCall(TSGetStages(solver_, &stages, &stages_));
    PetscCheck(stages == stage_count, PETSC_COMM_SELF, PETSC_ERR_PLIB, "RK4 has another number of stages");
    PetscFunctionReturn(0);
  }

  PetscErrorCode destroy() {
    PetscFunctionBeginUser;
    PetscCall(TSDestroy(&solver_));
    PetscCall(MatDestroy(&cost_control_gradient_));
    PetscCall(MatDestroy(&cost_state_gradient_));
    PetscCall(MatDestroy(&control_jacobian_));
    PetscCall(MatDestroy(&state_jacobian_));
    PetscCall(VecDestroy(&interval_gradient_));
    PetscCall(VecDestroy(&costate_));
    PetscCall(VecDestroy(&state_));
    PetscFunctionReturn(0);
  }

  /// V(u) becomes `value`, ∇V(u) overwrites `gradient`.
  PetscErrorCode value_and_gradient(const Control<double>& u, double& value, Control<double>& gradient) {
    PetscFunctionBeginUser;
    control_ = &u;
    gradient_ = &gradient;
    const Index K = definition_.grid.intervals();
    PetscScalar* entries = nullptr;
    PetscCall(VecGetArrayWrite(state_, &entries));
    std::copy_n(initial_state_.data(), initial_state_.size(), entries);
    PetscCall(VecRestoreArrayWrite(state_, &entries));
    Vec running = nullptr;  // the solver's own
    PetscCall(TSGetCostIntegral(solver_, &running));
    PetscCall(VecSet(running, 0));
    PetscCall(TSSetTime(solver_, 0));
    PetscCall(TSSetStepNumber(solver_, 0));
    PetscCall(TSSetTimeStep(solver_, definition_.grid.length(0)));
    PetscCall(TSSolve(solver_, state_));
    PetscInt steps = 0;
    PetscCall(TSGetStepNumber(solver_, &steps));
    PetscCheck(steps == K, PETSC_COMM_SELF, PETSC_ERR_NOT_CONVERGED, "the integration ended early");

    const PetscScalar* integral = nullptr;
    PetscCall(VecGetArrayRead(running, &integral));
    value = integral[0];
    PetscCall(VecRestoreArrayRead(running, &integral));
    PetscCall(begin_at_the_end(value));
    PetscCall(VecSet(interval_gradient_, 0));
    PetscCall(TSAdjointSolve(solver_));

    for (Index k = 0; k < K; ++k) {  // Σ_k h_k r‖u_k‖²
      const double weight = definition_.grid.length(k) * definition_.r;
      const double norm = control_norm(u, k);
      value += weight * norm * norm;
      for (Index i = 0; i < u.layout().size(); ++i) {
        gradient.interval(k)[i] += 2 * weight * u.interval(k)[i];
      }
    }
    PetscFunctionReturn(0);
  }

 protected:
  static constexpr Index stage_count = 4;  // of RK4

  /// A stage of the scheme in the current interval.
  struct Stage {
    Index number;         ///< among all stages of the trajectory
    const double* u;      ///< the interval's control
    ConstTile<double> X;  ///< the state at which PETSc evaluates or linearizes
  };

  /// Ẋ = F(X, u).
  virtual void evaluate_field(const Stage& stage, Tile<double> Xdot) = 0;
  /// X̄ = F_Xᵀ Λ.
  virtual void pull_back_to_state(const Stage& stage, ConstTile<double> Lambda, Tile<double> Xbar) = 0;
  /// ū = F_uᵀ Λ. TSAdjoint asks for it right after `pull_back_to_state` with the same stage and Λ.
  virtual void pull_back_to_control(const Stage& stage, ConstTile<double> Lambda, double* ubar) = 0;
  /// (1/D) Σ_d ℓ(x_d), which does not depend on the control.
  virtual double evaluate_running_cost(const Stage& stage) = 0;
  /// Its gradient.
  virtual void differentiate_running_cost(const Stage& stage, Tile<double> gradient) = 0;

 private:
  using MultiplyTransposed = PetscErrorCode (*)(Mat, Vec, Vec);

  PetscErrorCode create_shell(PetscInt rows, PetscInt columns, MultiplyTransposed multiply, Mat& matrix) {
    PetscFunctionBeginUser;
    PetscCall(MatCreateShell(PETSC_COMM_SELF, rows, columns, rows, columns, this, &matrix));
    PetscCall(MatShellSetOperation(matrix, MATOP_MULT_TRANSPOSE, reinterpret_cast<void (*)()>(multiply)));
    PetscFunctionReturn(0);
  }

  /// A dense matrix with one column, all zero.
  static PetscErrorCode create_column(PetscInt rows, Mat& matrix) {
    PetscFunctionBeginUser;
    PetscCall(MatCreateSeqDense(PETSC_COMM_SELF, rows, 1, nullptr, &matrix));
    PetscCall(MatAssemblyBegin(matrix, MAT_FINAL_ASSEMBLY));
    PetscCall(MatAssemblyEnd(matrix, MAT_FINAL_ASSEMBLY));
    PetscFunctionReturn(0);
  }

  [[nodiscard]] ConstTile<double> tile(const PetscScalar* entries) const {
    return {entries, n_, samples_, samples_};
  }
  [[nodiscard]] Tile<double> tile(PetscScalar* entries) const { return {entries, n_, samples_, samples_}; }

  /// The stage of the current interval whose state is `state` with the entries X.
  [[nodiscard]] Stage stage(Vec state, const PetscScalar* X) const {
    const Index number = std::find(stages_, stages_ + stage_count, state) - stages_;
    return {interval_ * stage_count + number, control_->interval(interval_), tile(X)};
  }

  /// Adds the terminal cost to `value` and makes the costate its gradient.
  PetscErrorCode begin_at_the_end(double& value) {
    PetscFunctionBeginUser;
    const PetscScalar* X = nullptr;
    PetscScalar* lambda = nullptr;
    PetscCall(VecSet(costate_, 0));
    PetscCall(VecGetArrayRead(state_, &X));
    PetscCall(VecGetArray(costate_, &lambda));
    const Cost<double>& terminal = *definition_.terminal;
    value += definition_.gamma * terminal.evaluate(control_->interval(definition_.grid.intervals() - 1),
                                                   tile(X), tile_of(std::as_const(terminal_targets_)),
                                                   1.0 / static_cast<double>(samples_),
                                                   tile_of(terminal_gradient_));
    terminal.add_state_gradient(tile_of(std::as_const(terminal_gradient_)), definition_.gamma, tile(lambda));
    PetscCall(VecRestoreArray(costate_, &lambda));
    PetscCall(VecRestoreArrayRead(state_, &X));
    PetscFunctionReturn(0);
  }

  static PetscErrorCode choose_interval(TS solver) {
    PetscFunctionBeginUser;
    TrajectoryAdjoint* self = nullptr;
    PetscInt step = 0;
    PetscCall(TSGetApplicationContext(solver, &self));
    PetscCall(TSGetStepNumber(solver, &step));
    self->interval_ = step;
    PetscFunctionReturn(0);
  }

  static PetscErrorCode evaluate(TS /*solver*/, PetscReal /*t*/, Vec state, Vec slope, void* context) {
    PetscFunctionBeginUser;
    auto& self = *static_cast<TrajectoryAdjoint*>(context);
    const PetscScalar* X = nullptr;
    PetscScalar* Xdot = nullptr;
    PetscCall(VecGetArrayRead(state, &X));
    PetscCall(VecGetArrayWrite(slope, &Xdot));
    self.evaluate_field(self.stage(state, X), self.tile(Xdot));
    PetscCall(VecRestoreArrayWrite(slope, &Xdot));
    PetscCall(VecRestoreArrayRead(state, &X));
    PetscFunctionReturn(0);
  }

  static PetscErrorCode evaluate_running_cost(TS /*quadrature*/, PetscReal /*t*/, Vec state, Vec cost,
                                              void* context) {
    PetscFunctionBeginUser;
    auto& self = *static_cast<TrajectoryAdjoint*>(context);
    const PetscScalar* X = nullptr;
    PetscScalar* integrand = nullptr;
    PetscCall(VecGetArrayRead(state, &X));
    PetscCall(VecGetArrayWrite(cost, &integrand));
    integrand[0] = self.evaluate_running_cost(self.stage(state, X));
    PetscCall(VecRestoreArrayWrite(cost, &integrand));
    PetscCall(VecRestoreArrayRead(state, &X));
    PetscFunctionReturn(0);
  }

  static PetscErrorCode differentiate_running_cost(TS /*quadrature*/, PetscReal /*t*/, Vec state,
                                                   Mat jacobian, Mat /*preconditioner*/, void* context) {
    PetscFunctionBeginUser;
    auto& self = *static_cast<TrajectoryAdjoint*>(context);
    const PetscScalar* X = nullptr;
    PetscScalar* gradient = nullptr;
    PetscCall(VecGetArrayRead(state, &X));
    PetscCall(MatDenseGetArrayWrite(jacobian, &gradient));
    self.differentiate_running_cost(self.stage(state, X), self.tile(gradient));
    PetscCall(MatDenseRestoreArrayWrite(jacobian, &gradient));
    PetscCall(VecRestoreArrayRead(state, &X));
    PetscFunctionReturn(0);
  }

  static PetscErrorCode leave_at_zero(TS /*quadrature*/, PetscReal /*t*/, Vec /*state*/, Mat /*jacobian*/,
                                      void* /*context*/) {
    return 0;
  }

  static PetscErrorCode linearize_in_state(TS solver, PetscReal t, Vec state, Mat jacobian,
                                           Mat /*preconditioner*/, void* context) {
    return linearize_in_control(solver, t, state, jacobian, context);
  }

  static PetscErrorCode linearize_in_control(TS /*solver*/, PetscReal /*t*/, Vec state, Mat /*jacobian*/,
                                             void* context) {
    PetscFunctionBeginUser;
    static_cast<TrajectoryAdjoint*>(context)->stage_state_ = state;
    PetscFunctionReturn(0);
  }

  static PetscErrorCode multiply_by_state_jacobian(Mat jacobian, Vec costate, Vec result) {
    return multiply_transposed(jacobian, costate, result,
                               [](auto& self, const Stage& at, auto Lambda, double* Xbar) {
                                 self.pull_back_to_state(at, Lambda, self.tile(Xbar));
                               });
  }

  static PetscErrorCode multiply_by_control_jacobian(Mat jacobian, Vec costate, Vec result) {
    return multiply_transposed(jacobian, costate, result,
                               [](auto& self, const Stage& at, auto Lambda, double* ubar) {
                                 self.pull_back_to_control(at, Lambda, ubar);
                               });
  }

  template <class PullBack>
  static PetscErrorCode multiply_transposed(Mat jacobian, Vec costate, Vec result, PullBack pull_back) {
    PetscFunctionBeginUser;
    TrajectoryAdjoint* self = nullptr;
    PetscCall(MatShellGetContext(jacobian, &self));
    const PetscScalar* X = nullptr;
    const PetscScalar* Lambda = nullptr;
    PetscScalar* product = nullptr;
    PetscCall(VecGetArrayRead(self->stage_state_, &X));
    PetscCall(VecGetArrayRead(costate, &Lambda));
    PetscCall(VecGetArrayWrite(result, &product));
    pull_back(*self, self->stage(self->stage_state_, X), self->tile(Lambda), product);
    PetscCall(VecRestoreArrayWrite(result, &product));
    PetscCall(VecRestoreArrayRead(costate, &Lambda));
    PetscCall(VecRestoreArrayRead(self->stage_state_, &X));
    PetscFunctionReturn(0);
  }

  /// Called before every step back, when `step` intervals are left, and at the beginning: hands over the
  /// gradient with respect to the control of the interval just left.
  static PetscErrorCode take_interval_gradient(TS /*solver*/, PetscInt step, PetscReal /*t*/, Vec /*state*/,
                                               PetscInt /*costs*/, Vec* /*costate*/, Vec* interval_gradient,
                                               void* context) {
    PetscFunctionBeginUser;
    auto& self = *static_cast<TrajectoryAdjoint*>(context);
    if (step < self.definition_.grid.intervals()) {
      const PetscScalar* entries = nullptr;
      PetscCall(VecGetArrayRead(interval_gradient[0], &entries));
      std::copy_n(entries, self.parameters_, self.gradient_->interval(step));
      PetscCall(VecRestoreArrayRead(interval_gradient[0], &entries));
      PetscCall(VecSet(interval_gradient[0], 0));
    }
    self.interval_ = step - 1;
    PetscFunctionReturn(0);
  }

  const ProblemDefinition<double>& definition_;
  Index n_;
  Index samples_;
  Index parameters_;
  State<double> initial_state_;
  State<double> terminal_targets_;
  State<double> terminal_gradient_;
  const Control<double>* control_ = nullptr;  // u of the current call
  Control<double>* gradient_ = nullptr;       // its ∇V
  Index interval_ = 0;
  Vec stage_state_ = nullptr;  // where the Jacobians stand; the solver's own

  Vec state_ = nullptr;
  Vec costate_ = nullptr;
  Vec interval_gradient_ = nullptr;
  Mat state_jacobian_ = nullptr;
  Mat control_jacobian_ = nullptr;
  Mat cost_state_gradient_ = nullptr;
  Mat cost_control_gradient_ = nullptr;
  TS solver_ = nullptr;
  Vec* stages_ = nullptr;  // the solver's own
};

}  // namespace turnpike::bench
