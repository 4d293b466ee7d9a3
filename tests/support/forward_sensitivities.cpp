#include "forward_sensitivities.hpp"

#include <cvodes/cvodes.h>
#include <nvector/nvector_serial.h>
#include <sundials/sundials_context.h>
#include <sunnonlinsol/sunnonlinsol_fixedpoint.h>

#include <stdexcept>
#include <string>

#include "dual.hpp"
#include "problem/ensemble_system.hpp"

namespace turnpike::test {

namespace {

void must(int flag, const char* call) {
  if (flag < 0) {
    throw std::runtime_error(std::string(call) + " failed: " + std::to_string(flag));
  }
}

/// The state y is X (n×D) and the running cost.
struct Equations {
  const EnsembleSystem<Dual>& system;
  Index n;
  Index samples;
  std::vector<Dual> X;
  std::vector<Dual> Xdot;
  std::vector<Dual> record;

  /// The derivatives of y and, when `s` is not null, of its sensitivity s.
  void evaluate(const double* y, const double* s, double* ydot, double* sdot) {
    for (std::size_t i = 0; i < X.size(); ++i) {
      X[i] = {y[i], s == nullptr ? 0.0 : s[i]};
    }
    const Dual cost = system.evaluate(0, {X.data(), n, samples, samples}, {Xdot.data(), n, samples, samples},
                                      record.data());
    for (std::size_t i = 0; i < X.size(); ++i) {
      (s == nullptr ? ydot : sdot)[i] = s == nullptr ? Xdot[i].v : Xdot[i].d;
    }
    (s == nullptr ? ydot : sdot)[X.size()] = s == nullptr ? cost.v : cost.d;
  }
};

int slope(double /*t*/, N_Vector y, N_Vector ydot, void* data) {
  static_cast<Equations*>(data)->evaluate(NV_DATA_S(y), nullptr, NV_DATA_S(ydot), nullptr);
  return 0;
}

int sensitivity_slope(int /*count*/, double /*t*/, N_Vector y, N_Vector /*ydot*/, N_Vector* s, N_Vector* sdot,
                      void* data, N_Vector /*work*/, N_Vector /*work*/) {
  static_cast<Equations*>(data)->evaluate(NV_DATA_S(y), NV_DATA_S(s[0]), nullptr, NV_DATA_S(sdot[0]));
  return 0;
}

}  // namespace

double directional_derivative(const SampleProblem& p, const Control<double>& u, const Control<double>& d,
                              double rtol) {
  const auto field = make_field<Dual>(p);
  const auto running = make_cost<Dual>(p, p.running);
  const auto terminal = make_cost<Dual>(p, p.terminal);
  EnsembleSystem<Dual> system(*field, running.get(), p.samples);
  const Dual scale = 1.0 / static_cast<double>(p.samples);
  State<Dual> targets(running->rows(), p.samples);
  running->make_targets(make_labels(p), tile_of(targets));
  system.set_targets(tile_of(std::as_const(targets)), scale);
  const State<double> X0 = make_initial_state<double>(p);
  const auto size = static_cast<std::size_t>(X0.size());
  Equations equations{system,
                      p.n,
                      p.samples,
                      std::vector<Dual>(size),
                      std::vector<Dual>(size),
                      std::vector<Dual>(static_cast<std::size_t>(system.record_size()))};

  SUNContext context = nullptr;
  must(SUNContext_Create(nullptr, &context), "SUNContext_Create");
  N_Vector y = N_VNew_Serial(X0.size() + 1, context);
  N_Vector* const s = N_VCloneVectorArray(1, y);
  N_VConst(0, y);
  N_VConst(0, s[0]);
  std::copy_n(X0.data(), size, NV_DATA_S(y));
  std::vector<Dual> control(static_cast<std::size_t>(u.layout().size()));
  for (Index k = 0; k < p.grid.intervals(); ++k) {
    for (std::size_t i = 0; i < control.size(); ++i) {
      control[i] = {u.interval(k)[i], d.interval(k)[i]};
    }
    system.set_control(control.data());
    void* memory = CVodeCreate(CV_ADAMS, context);
    must(CVodeInit(memory, slope, p.grid.node(k), y), "CVodeInit");
    must(CVodeSStolerances(memory, rtol, rtol), "CVodeSStolerances");
    must(CVodeSetUserData(memory, &equations), "CVodeSetUserData");
    must(CVodeSetMaxNumSteps(memory, 100'000), "CVodeSetMaxNumSteps");
    SUNNonlinearSolver solver = SUNNonlinSol_FixedPoint(y, 0, context);
    must(CVodeSetNonlinearSolver(memory, solver), "CVodeSetNonlinearSolver");
    must(CVodeSensInit(memory, 1, CV_STAGGERED, sensitivity_slope, s), "CVodeSensInit");
    double absolute = rtol;
    must(CVodeSensSStolerances(memory, rtol, &absolute), "CVodeSensSStolerances");
    must(CVodeSetSensErrCon(memory, SUNTRUE), "CVodeSetSensErrCon");
    SUNNonlinearSolver sensitivity_solver = SUNNonlinSol_FixedPointSens(1, y, 0, context);
    must(CVodeSetNonlinearSolverSensStg(memory, sensitivity_solver), "CVodeSetNonlinearSolverSensStg");
    must(CVodeSetStopTime(memory, p.grid.node(k + 1)), "CVodeSetStopTime");
    double t = 0;
    must(CVode(memory, p.grid.node(k + 1), y, &t, CV_NORMAL), "CVode");
    must(CVodeGetSens(memory, &t, s), "CVodeGetSens");
    CVodeFree(&memory);
    SUNNonlinSolFree(solver);
    SUNNonlinSolFree(sensitivity_solver);
  }

  State<Dual> X(p.n, p.samples);
  for (std::size_t i = 0; i < size; ++i) {
    X.data()[i] = {NV_DATA_S(y)[i], NV_DATA_S(s[0])[i]};
  }
  State<Dual> terminal_targets(terminal->rows(), p.samples);
  terminal->make_targets(make_labels(p), tile_of(terminal_targets));
  State<Dual> gradient(terminal->rows(), p.samples);
  const Dual last = terminal->evaluate(control.data(), tile_of(std::as_const(X)),
                                       tile_of(std::as_const(terminal_targets)), scale, tile_of(gradient));
  const double derivative = NV_DATA_S(s[0])[size] + p.gamma * last.d;
  N_VDestroyVectorArray(s, 1);
  N_VDestroy(y);
  SUNContext_Free(&context);
  return derivative;
}

}  // namespace turnpike::test
