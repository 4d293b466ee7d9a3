#include "cvodes/interval_solver.hpp"

#include <cvodes/cvodes_ls.h>
#include <sunlinsol/sunlinsol_spgmr.h>
#include <sunnonlinsol/sunnonlinsol_fixedpoint.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <new>

#include "cvodes/interval_callbacks.hpp"
#include "cvodes/outcome.hpp"

namespace turnpike::cvodes {

namespace {

/// Steps in one interval after which an integration counts as hopeless.
constexpr long most_steps = 20'000;

/// Share of Newton's tolerance that Krylov iterations may use. The default of 0.05 lets gradients of stiff
/// controls go wrong.
constexpr double krylov_share = 1e-3;

/// For calls that fail for want of memory only, their arguments being right.
void must(int flag) {
  if (flag == CV_MEM_FAIL) {
    throw std::bad_alloc();
  }
  assert(flag >= 0);
}

/// CVODES' messages go nowhere: every failure becomes a StepStatus.
void ignore_message(int /*code*/, const char* /*module*/, const char* /*function*/, char* /*message*/,
                    void* /*data*/) {}

/// `flag`, or CV_BAD_T when CVODES took itself to be at t and is not: a step size that overflows makes every
/// time look close, and CVode succeeds without having moved.
int check_arrival(int flag, void* memory, double t, double length) {
  double reached = t;
  if (flag >= 0) {
    flag = CVodeGetCurrentTime(memory, &reached);
  }
  return flag < 0 || std::abs(reached - t) <= 1e-9 * length ? flag : CV_BAD_T;
}

int lmm_of(Formula formula) { return formula == Formula::bdf ? CV_BDF : CV_ADAMS; }

}  // namespace

IntervalSolver::IntervalSolver(Formula formula, Tolerances<double> tolerances,
                               const ControlledSystem<double>& system)
    : formula_(formula),
      tolerances_(tolerances),
      n_(system.state_dimension()),
      columns_(system.columns()),
      size_(n_ * columns_),
      controls_(system.control_dimension()),
      context_(make_context()),
      x_(allocated(make_vector(n_, columns_, context_.get()))),
      cost_(allocated(make_vector(1, 1, context_.get()))),
      forward_(make_forward(true)),
      record_(static_cast<std::size_t>(system.record_size())),
      at_(static_cast<std::size_t>(size_)),
      slope_(static_cast<std::size_t>(size_)) {}

IntervalSolver::Stepper IntervalSolver::make_solvers() const {
  Stepper stepper;
  if (formula_ == Formula::adams) {
    stepper.fixed_point = NonlinearSolverPtr(allocated(SUNNonlinSol_FixedPoint(x_.get(), 0, context_.get())));
  } else if (n_ <= largest_block) {
    stepper.blocks = std::make_unique<BlockSolver>(n_, columns_, context_.get());
  } else {
    stepper.krylov = LinearSolverPtr(allocated(SUNLinSol_SPGMR(x_.get(), SUN_PREC_LEFT, 0, context_.get())));
    stepper.preconditioner = std::make_unique<MeanBlock>(n_, columns_);
  }
  return stepper;
}

IntervalSolver::Stepper IntervalSolver::make_forward(bool with_cost) {
  Stepper stepper = make_solvers();
  stepper.memory = IntegratorPtr(allocated(CVodeCreate(lmm_of(formula_), context_.get())));
  void* const memory = stepper.memory.get();
  must(CVodeSetErrHandlerFn(memory, ignore_message, nullptr));
  must(CVodeInit(memory, Callbacks::slope, 0, x_.get()));
  must(CVodeSStolerances(memory, tolerances_.rtol, tolerances_.atol));
  must(CVodeSetUserData(memory, this));
  must(CVodeSetMaxNumSteps(memory, most_steps));
  if (stepper.fixed_point) {
    must(CVodeSetNonlinearSolver(memory, stepper.fixed_point.get()));
  } else if (stepper.blocks) {
    must(CVodeSetLinearSolver(memory, stepper.blocks->solver(), stepper.blocks->matrix()));
    must(CVodeSetLinSysFn(memory, Callbacks::blocks));
  } else {
    must(CVodeSetLinearSolver(memory, stepper.krylov.get(), nullptr));
    must(CVodeSetJacTimes(memory, Callbacks::prepare_product, Callbacks::product));
    must(CVodeSetPreconditioner(memory, Callbacks::prepare_preconditioner, Callbacks::precondition));
    must(CVodeSetEpsLin(memory, krylov_share));
  }
  if (with_cost) {
    must(CVodeQuadInit(memory, Callbacks::running_cost, cost_.get()));
    must(CVodeQuadSStolerances(memory, tolerances_.rtol, tolerances_.atol));
    must(CVodeSetQuadErrCon(memory, SUNTRUE));
  }
  return stepper;
}

void IntervalSolver::evaluate(double t, const double* x, double* xdot) {
  point_ = Point::none;
  running_ = system_->evaluate(t, tile(x), tile(xdot), record_.data());
  std::copy_n(x, size_, at_.data());
  point_ = Point::forward;
}

bool IntervalSolver::is_at(const double* x) const {
  return point_ == Point::forward &&
         std::memcmp(x, at_.data(), static_cast<std::size_t>(size_) * sizeof(double)) == 0;
}

void IntervalSolver::evaluate_for_adjoint(double t, const double* x) {
  if (point_ == Point::backward && t == t_) {
    return;
  }
  point_ = Point::none;
  running_ = system_->evaluate(t, tile(x), tile(slope_.data()), record_.data());
  system_->cost_gradient(record_.data(), tile(cost_gradient_.data()));
  t_ = t;
  point_ = Point::backward;
}

StepStatus IntervalSolver::failure(int flag, void* memory, double t_begin, double t_end) const {
  double t = t_begin;
  double h = 0;
  if (memory != nullptr) {
    (void)CVodeGetCurrentTime(memory, &t);
    (void)CVodeGetCurrentStep(memory, &h);
  }
  return status_of(flag, t, h == 0 ? t_end - t_begin : h);
}

int IntervalSolver::run_forward(double t_end, const StepVisitor<double>& visit) {
  void* const memory = forward_.memory.get();
  double reached = 0;
  if (!visit) {
    return CVode(memory, t_end, x_.get(), &reached, CV_NORMAL);
  }
  int flag = CV_SUCCESS;
  // The limit of steps holds for one call.
  for (long steps = 0; flag == CV_SUCCESS; ++steps) {
    if (steps == most_steps) {
      return CV_TOO_MUCH_WORK;
    }
    flag = CVode(memory, t_end, x_.get(), &reached, CV_ONE_STEP);
    if (flag >= 0) {
      visit(reached, tile(static_cast<const double*>(entries(x_.get()))));
    }
  }
  return flag;
}

StepStatus IntervalSolver::advance(const ControlledSystem<double>& system, double t_begin, double t_end,
                                   Tile<double> X, double& cost, const StepVisitor<double>& visit) {
  system_ = &system;
  stepping_ = &forward_;
  point_ = Point::none;
  void* const memory = forward_.memory.get();
  double* const x = entries(x_.get());
  for (Index i = 0; i < n_; ++i) {
    std::copy_n(X.row(i), columns_, x + i * columns_);
  }
  entries(cost_.get())[0] = 0;
  double reached = t_begin;
  int flag = CVodeReInit(memory, t_begin, x_.get());
  flag = flag < 0 ? flag : CVodeQuadReInit(memory, cost_.get());
  flag = flag < 0 ? flag : CVodeSetStopTime(memory, t_end);
  flag = flag < 0 ? flag : run_forward(t_end, visit);
  flag = check_arrival(flag, memory, t_end, t_end - t_begin);
  flag = flag < 0 ? flag : CVodeGetQuad(memory, &reached, cost_.get());
  if (flag < 0) {
    return failure(flag, memory, t_begin, t_end);
  }
  if (finiteness(x, size_) != 0 || !std::isfinite(entries(cost_.get())[0])) {
    return {StepOutcome::not_finite, t_begin, t_end - t_begin, -1};
  }
  for (Index i = 0; i < n_; ++i) {
    std::copy_n(x + i * columns_, columns_, X.row(i));
  }
  cost += entries(cost_.get())[0];
  return {};
}

int IntervalSolver::retrace(double t_begin, double t_end, const double* X) {
  // One segment holds the interval: CVODES would integrate each further one a third time, and a segment in
  // which that takes another number of steps is known to crash it.
  for (long need = std::max(capacity_, 30L);; need = 2 * steps_) {
    if (need > capacity_) {
      if (capacity_ > 0) {
        CVodeAdjFree(retracing_.memory.get());
        which_ = -1;
      }
      capacity_ = need;
      if (const int flag = CVodeAdjInit(retracing_.memory.get(), capacity_, CV_HERMITE); flag < 0) {
        capacity_ = 0;
        return flag;
      }
    }
    void* const memory = retracing_.memory.get();
    std::copy_n(X, size_, entries(x_.get()));
    point_ = Point::none;
    int flag = CVodeReInit(memory, t_begin, x_.get());
    flag = flag < 0 ? flag : CVodeAdjReInit(memory);
    flag = flag < 0 ? flag : CVodeSetStopTime(memory, t_end);
    int checkpoints = 0;
    double reached = t_begin;
    // Step by step, because the limit of steps holds for one call.
    for (steps_ = 0; flag >= 0 && reached < t_end; ++steps_) {
      flag = steps_ < most_steps ? CVodeF(memory, t_end, x_.get(), &reached, CV_ONE_STEP, &checkpoints)
                                 : CV_TOO_MUCH_WORK;
    }
    flag = check_arrival(flag, memory, t_end, t_end - t_begin);
    if (flag < 0 || steps_ < capacity_) {
      return flag;
    }
  }
}

void IntervalSolver::make_backward(double t_end) {
  void* const memory = retracing_.memory.get();
  backward_ = make_solvers();
  must(CVodeCreateB(memory, lmm_of(formula_), &which_));
  must(CVodeInitB(memory, which_, Callbacks::costate_slope, t_end, lambda_.get()));
  must(CVodeSStolerancesB(memory, which_, tolerances_.rtol, tolerances_.atol));
  must(CVodeSetUserDataB(memory, which_, this));
  must(CVodeSetMaxNumStepsB(memory, which_, most_steps));
  if (backward_.fixed_point) {
    must(CVodeSetNonlinearSolverB(memory, which_, backward_.fixed_point.get()));
  } else if (backward_.blocks) {
    must(CVodeSetLinearSolverB(memory, which_, backward_.blocks->solver(), backward_.blocks->matrix()));
    must(CVodeSetLinSysFnB(memory, which_, Callbacks::blocks_backward));
  } else {
    must(CVodeSetLinearSolverB(memory, which_, backward_.krylov.get(), nullptr));
    must(CVodeSetJacTimesB(memory, which_, Callbacks::prepare_product_backward, Callbacks::product_backward));
    must(CVodeSetPreconditionerB(memory, which_, Callbacks::prepare_preconditioner_backward,
                                 Callbacks::precondition_backward));
    must(CVodeSetEpsLinB(memory, which_, krylov_share));
  }
  must(CVodeQuadInitB(memory, which_, Callbacks::control_gradient, ubar_.get()));
  must(CVodeSetQuadErrConB(memory, which_, SUNTRUE));
}

int IntervalSolver::start_backward(double t_end, double scale, double quadrature_scale) {
  void* const memory = retracing_.memory.get();
  int flag = 0;
  if (which_ < 0) {
    make_backward(t_end);
  } else {
    flag = CVodeReInitB(memory, which_, t_end, lambda_.get());
    flag = flag < 0 ? flag : CVodeQuadReInitB(memory, which_, ubar_.get());
  }
  flag = flag < 0 ? flag : CVodeSStolerancesB(memory, which_, tolerances_.rtol, scale * tolerances_.atol);
  flag = flag < 0
             ? flag
             : CVodeQuadSStolerancesB(memory, which_, tolerances_.rtol, quadrature_scale * tolerances_.atol);
  return flag;
}

StepStatus IntervalSolver::pull_back(const ControlledSystem<double>& system, double t_begin, double t_end,
                                     double mu, const double* X, Tile<double> lambda, double* ubar) {
  system_ = &system;
  stepping_ = &retracing_;
  mu_ = mu;
  if (!retracing_.memory) {
    lambda_ = allocated(make_vector(n_, columns_, context_.get()));
    ubar_ = allocated(make_vector(controls_, 1, context_.get()));
    cost_gradient_.resize(static_cast<std::size_t>(size_));
    retracing_ = make_forward(false);
  }
  int flag = retrace(t_begin, t_end, X);
  if (flag < 0) {
    return failure(flag, retracing_.memory.get(), t_begin, t_end);
  }

  double* const costate = entries(lambda_.get());
  double* const gradient = entries(ubar_.get());
  for (Index i = 0; i < n_; ++i) {
    std::copy_n(lambda.row(i), columns_, costate + i * columns_);
  }
  if (finiteness(costate, size_) != 0) {
    return {StepOutcome::not_finite, t_end, t_end - t_begin, -1};
  }
  // The adjoint is linear, and the size of λ is that of the costs' weights: absolute tolerances are relative
  // to the sizes that λ and ū reach.
  point_ = Point::none;
  evaluate_for_adjoint(t_end, entries(x_.get()));
  const double h = t_end - t_begin;
  const double size =
      root_mean_square(costate, size_) + h * std::abs(mu) * root_mean_square(cost_gradient_.data(), size_);
  std::fill_n(gradient, controls_, 0.0);
  system.accumulate_control(record_.data(), tile(static_cast<const double*>(costate)), mu, gradient);
  const double rate = root_mean_square(gradient, controls_);
  std::fill_n(gradient, controls_, 0.0);
  const double quadrature_size = h * std::max(rate, 0.1 * size * std::sqrt(static_cast<double>(columns_)));
  flag = start_backward(t_end, size > 0 ? size : 1.0, quadrature_size > 0 ? quadrature_size : 1.0);
  flag = flag < 0 ? flag : CVodeB(retracing_.memory.get(), t_begin, CV_NORMAL);
  void* const backward = which_ < 0 ? nullptr : CVodeGetAdjCVodeBmem(retracing_.memory.get(), which_);
  flag = check_arrival(flag, backward, t_begin, h);
  double reached = t_begin;
  flag = flag < 0 ? flag : CVodeGetB(retracing_.memory.get(), which_, &reached, lambda_.get());
  flag = flag < 0 ? flag : CVodeGetQuadB(retracing_.memory.get(), which_, &reached, ubar_.get());
  if (flag < 0) {
    return failure(flag, backward, t_begin, t_end);
  }
  if (finiteness(costate, size_) != 0 || finiteness(gradient, controls_) != 0) {
    return {StepOutcome::not_finite, t_begin, h, -1};
  }
  for (Index i = 0; i < n_; ++i) {
    std::copy_n(costate + i * columns_, columns_, lambda.row(i));
  }
  for (Index i = 0; i < controls_; ++i) {
    ubar[i] += gradient[i];
  }
  return {};
}

}  // namespace turnpike::cvodes
