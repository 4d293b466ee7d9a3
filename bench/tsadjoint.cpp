// One value and gradient of two spirals (480 samples, 30 intervals, h = 8, double, one thread) by RK4 with
// one step an interval: turnpike's own beside that of PETSc's TSAdjoint, in turns in the same run. Both call
// the same field and the same costs, so that what differs is the machinery around them. Prints the median
// times, their ratio and the relative difference of the two gradients; fails when that exceeds 1e-12.

#include <fmt/format.h>
#include <petscts.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <utility>
#include <vector>

#include "turnpike/experiment.hpp"

namespace {

using namespace turnpike;

constexpr Index stage_count = 4;  // of RK4

/// The training problem for PETSc: all samples are one state of n·D entries. What the field and the running
/// cost leave at a stage is kept from the forward pass, and the gradient with respect to the control is taken
/// interval by interval, so that the adjoint carries n_u parameters and nothing is evaluated twice.
class TrajectoryAdjoint {
 public:
  TrajectoryAdjoint(const ProblemDefinition<double>& definition, const Dataset<double>& data)
      : definition_(definition),
        field_(*definition.field),
        n_(field_.state_dimension()),
        samples_(data.size()),
        scale_(1.0 / static_cast<double>(samples_)),
        initial_state_(initial_state(data, n_)),
        running_targets_(definition.running->rows(), samples_),
        terminal_targets_(definition.terminal->rows(), samples_),
        terminal_gradient_(definition.terminal->rows(), samples_),
        scratch_(static_cast<std::size_t>(field_.scratch_size(samples_))),
        control_adjoint_(static_cast<std::size_t>(field_.layout().size())) {
    definition.running->make_targets(data.labels, tile_of(running_targets_));
    definition.terminal->make_targets(data.labels, tile_of(terminal_targets_));
    const auto stages = static_cast<std::size_t>(definition.grid.intervals() * stage_count);
    records_.assign(stages, std::vector<double>(static_cast<std::size_t>(field_.record_size(samples_))));
    cost_gradients_.assign(stages, State<double>(definition.running->rows(), samples_));
  }

  PetscErrorCode create() {
    PetscFunctionBeginUser;
    const auto entries = static_cast<PetscInt>(n_ * samples_);
    const auto parameters = static_cast<PetscInt>(field_.layout().size());
    PetscCall(VecCreateSeq(PETSC_COMM_SELF, entries, &state_));
    PetscCall(VecDuplicate(state_, &costate_));
    PetscCall(VecCreateSeq(PETSC_COMM_SELF, parameters, &interval_gradient_));
    PetscCall(create_shell(entries, entries, pull_back_to_state, state_jacobian_));
    PetscCall(create_shell(entries, parameters, pull_back_to_control, control_jacobian_));
    PetscCall(create_column(entries, cost_state_gradient_));
    PetscCall(create_column(parameters, cost_control_gradient_));

    PetscCall(TSCreate(PETSC_COMM_SELF, &solver_));
    PetscCall(TSSetProblemType(solver_, TS_NONLINEAR));
    PetscCall(TSSetType(solver_, TSRK));
    PetscCall(TSRKSetType(solver_, TSRK4));
    PetscCall(TSSetRHSFunction(solver_, nullptr, evaluate_field, this));
    PetscCall(TSSetRHSJacobian(solver_, state_jacobian_, state_jacobian_, linearize, this));
    PetscCall(TSSetRHSJacobianP(solver_, control_jacobian_, keep_linearization, this));

    TS quadrature = nullptr;  // the solver's own
    PetscCall(TSCreateQuadratureTS(solver_, PETSC_TRUE, &quadrature));
    PetscCall(TSSetRHSFunction(quadrature, nullptr, evaluate_running_cost, this));
    PetscCall(TSSetRHSJacobian(quadrature, cost_state_gradient_, cost_state_gradient_,
                               differentiate_running_cost, this));
    PetscCall(TSSetRHSJacobianP(quadrature, cost_control_gradient_, keep_linearization, this));

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
  [[nodiscard]] const double* control() const { return control_->interval(interval_); }

  /// Where in `records_` and `cost_gradients_` the stage with state X of the current interval stands.
  [[nodiscard]] std::size_t position(Vec X) const {
    const Index stage = std::find(stages_, stages_ + stage_count, X) - stages_;
    return static_cast<std::size_t>(interval_ * stage_count + stage);
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
                                                   tile(X), tile_of(std::as_const(terminal_targets_)), scale_,
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

  static PetscErrorCode evaluate_field(TS /*solver*/, PetscReal /*t*/, Vec state, Vec slope, void* context) {
    PetscFunctionBeginUser;
    auto& self = *static_cast<TrajectoryAdjoint*>(context);
    const PetscScalar* X = nullptr;
    PetscScalar* Xdot = nullptr;
    PetscCall(VecGetArrayRead(state, &X));
    PetscCall(VecGetArrayWrite(slope, &Xdot));
    self.field_.evaluate(self.control(), self.tile(X), self.tile(Xdot),
                         self.records_[self.position(state)].data(), self.scratch_.data());
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
    integrand[0] = self.definition_.running->evaluate(
        self.control(), self.tile(X), tile_of(std::as_const(self.running_targets_)), self.scale_,
        tile_of(self.cost_gradients_[self.position(state)]));
    PetscCall(VecRestoreArrayWrite(cost, &integrand));
    PetscCall(VecRestoreArrayRead(state, &X));
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
      std::copy_n(entries, self.field_.layout().size(), self.gradient_->interval(step));
      PetscCall(VecRestoreArrayRead(interval_gradient[0], &entries));
      PetscCall(VecSet(interval_gradient[0], 0));
    }
    self.interval_ = step - 1;
    PetscFunctionReturn(0);
  }

  static PetscErrorCode linearize(TS /*solver*/, PetscReal /*t*/, Vec state, Mat /*jacobian*/,
                                  Mat /*preconditioner*/, void* context) {
    PetscFunctionBeginUser;
    auto& self = *static_cast<TrajectoryAdjoint*>(context);
    self.record_ = self.records_[self.position(state)].data();
    PetscFunctionReturn(0);
  }

  /// F_u is at the record that `linearize` chose; the running cost does not depend on the control.
  static PetscErrorCode keep_linearization(TS /*solver*/, PetscReal /*t*/, Vec /*state*/, Mat /*jacobian*/,
                                           void* /*context*/) {
    return 0;
  }

  static PetscErrorCode differentiate_running_cost(TS /*quadrature*/, PetscReal /*t*/, Vec state,
                                                   Mat jacobian, Mat /*preconditioner*/, void* context) {
    PetscFunctionBeginUser;
    auto& self = *static_cast<TrajectoryAdjoint*>(context);
    PetscScalar* gradient = nullptr;
    PetscCall(MatDenseGetArrayWrite(jacobian, &gradient));
    std::fill_n(gradient, self.n_ * self.samples_, 0.0);
    self.definition_.running->add_state_gradient(
        tile_of(std::as_const(self.cost_gradients_[self.position(state)])), 1.0, self.tile(gradient));
    PetscCall(MatDenseRestoreArrayWrite(jacobian, &gradient));
    PetscFunctionReturn(0);
  }

  /// X̄ = F_Xᵀ Λ. TSAdjoint asks for F_uᵀ Λ next; the field computes both at once.
  static PetscErrorCode pull_back_to_state(Mat jacobian, Vec costate, Vec result) {
    PetscFunctionBeginUser;
    TrajectoryAdjoint* self = nullptr;
    PetscCall(MatShellGetContext(jacobian, &self));
    const PetscScalar* Lambda = nullptr;
    PetscScalar* Xbar = nullptr;
    PetscCall(VecGetArrayRead(costate, &Lambda));
    PetscCall(VecGetArrayWrite(result, &Xbar));
    std::fill(self->control_adjoint_.begin(), self->control_adjoint_.end(), 0.0);
    self->field_.pull_back(self->control(), self->record_, self->tile(Lambda), self->tile(Xbar),
                           self->control_adjoint_.data(), self->scratch_.data());
    PetscCall(VecRestoreArrayWrite(result, &Xbar));
    PetscCall(VecRestoreArrayRead(costate, &Lambda));
    PetscFunctionReturn(0);
  }

  /// ū = F_uᵀ Λ, for the Λ of the last `pull_back_to_state`.
  static PetscErrorCode pull_back_to_control(Mat jacobian, Vec /*costate*/, Vec result) {
    PetscFunctionBeginUser;
    TrajectoryAdjoint* self = nullptr;
    PetscCall(MatShellGetContext(jacobian, &self));
    PetscScalar* ubar = nullptr;
    PetscCall(VecGetArrayWrite(result, &ubar));
    std::copy(self->control_adjoint_.begin(), self->control_adjoint_.end(), ubar);
    PetscCall(VecRestoreArrayWrite(result, &ubar));
    PetscFunctionReturn(0);
  }

  const ProblemDefinition<double>& definition_;
  const VectorField<double>& field_;
  Index n_;
  Index samples_;
  double scale_;
  State<double> initial_state_;
  State<double> running_targets_;
  State<double> terminal_targets_;
  State<double> terminal_gradient_;
  std::vector<double> scratch_;
  std::vector<double> control_adjoint_;        // ū of the last pull-back
  std::vector<std::vector<double>> records_;   // one a stage
  std::vector<State<double>> cost_gradients_;  // one a stage
  const Control<double>* control_ = nullptr;   // u of the current call
  Control<double>* gradient_ = nullptr;        // its ∇V
  Index interval_ = 0;
  const double* record_ = nullptr;  // of the stage being pulled back

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

double relative_difference(const Control<double>& gradient, const Control<double>& reference) {
  double difference = 0;
  double size = 0;
  for (std::size_t i = 0; i < reference.values().size(); ++i) {
    const double error = gradient.values()[i] - reference.values()[i];
    difference += error * error;
    size += reference.values()[i] * reference.values()[i];
  }
  return std::sqrt(difference / size);
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double>& seconds) {
  const auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
  std::nth_element(seconds.begin(), middle, seconds.end());
  return *middle;
}

PetscErrorCode compare(bool& agree) {
  PetscFunctionBeginUser;
  RunConfig config = recipe("two-spirals");
  config.integrator.name = "rk4";
  config.control.initialization = "uniform";
  config.run.threads = 1;
  const Experiment e = load_experiment(config);
  OptimalControlProblem<double> problem(make_definition<double>(e.config, 2, builtin_integrators()), e.train);
  const Control<double> u = initial_control(e.config, problem.definition());
  Control<double> gradient = problem.zero_control();
  Control<double> peer_gradient = problem.zero_control();
  TrajectoryAdjoint peer(problem.definition(), e.train);
  PetscCall(peer.create());

  constexpr int warm_up = 50;
  constexpr int repetitions = 500;
  std::vector<double> seconds;
  std::vector<double> peer_seconds;
  double value = 0;
  double peer_value = 0;
  for (int i = -warm_up; i < repetitions; ++i) {
    auto start = std::chrono::steady_clock::now();
    value = problem.value_and_gradient(u, gradient).total();
    const double own = seconds_since(start);
    start = std::chrono::steady_clock::now();
    PetscCall(peer.value_and_gradient(u, peer_value, peer_gradient));
    const double other = seconds_since(start);
    if (i >= 0) {
      seconds.push_back(own);
      peer_seconds.push_back(other);
    }
  }
  PetscCall(peer.destroy());

  const double own = median(seconds);
  const double other = median(peer_seconds);
  const double difference = relative_difference(peer_gradient, gradient);
  fmt::print("turnpike {:.9f}\ntsadjoint {:.9f}\nratio {:.2f}\n", own, other, other / own);
  fmt::print("gradients differ by {:.1e}\n", difference);
  constexpr double tolerance = 1e-12;
  agree = difference <= tolerance && std::abs(peer_value - value) <= tolerance * std::abs(value);
  if (!agree) {
    fmt::print(stderr, "the two disagree: values {:.17g} and {:.17g}, gradients by {:.1e}\n", value,
               peer_value, difference);
  }
  PetscFunctionReturn(0);
}

}  // namespace

int main(int argc, char** argv) {
  PetscCall(PetscInitialize(&argc, &argv, nullptr, nullptr));
  bool agree = false;
  PetscCall(compare(agree));
  PetscCall(PetscFinalize());
  return agree ? 0 : 1;
}
