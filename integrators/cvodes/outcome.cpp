#include "cvodes/outcome.hpp"

#include <cvodes/cvodes.h>

namespace turnpike::cvodes {

namespace {

struct Reason {
  StepOutcome outcome;
  const char* detail;
};

// A macro, because the names are to be text: CVodeGetReturnFlagName allocates.
#define TURNPIKE_REASON(flag, outcome, remedy) \
  case flag:                                   \
    return { StepOutcome::outcome, "CVODES " #flag ": " remedy }

Reason reason_of(int flag) {
  switch (flag) {
    TURNPIKE_REASON(CV_TOO_MUCH_WORK, too_many_steps, "raise integrator.rtol or use more intervals");
    TURNPIKE_REASON(CV_TOO_MUCH_ACC, step_too_small, "raise integrator.rtol or integrator.atol");
    TURNPIKE_REASON(CV_ERR_FAILURE, step_too_small, "raise integrator.rtol, or make the control smaller");
    TURNPIKE_REASON(CV_CONV_FAILURE, not_converged, "raise integrator.rtol, or make the control smaller");
    TURNPIKE_REASON(CV_LINIT_FAIL, solver_failed,
                    "the linear solver could not be set up; use smaller tiles by run.tile");
    TURNPIKE_REASON(CV_LSETUP_FAIL, not_converged, "the Jacobian is not finite; make the control smaller");
    TURNPIKE_REASON(CV_LSOLVE_FAIL, not_converged, "the Jacobian is not finite; make the control smaller");
    TURNPIKE_REASON(CV_NLS_FAIL, not_converged, "raise integrator.rtol, or make the control smaller");
    TURNPIKE_REASON(CV_RHSFUNC_FAIL, not_finite, "make the control smaller");
    TURNPIKE_REASON(CV_FIRST_RHSFUNC_ERR, not_finite,
                    "the field is not finite where the interval begins; make the control smaller");
    TURNPIKE_REASON(CV_REPTD_RHSFUNC_ERR, not_finite, "however small the step; make the control smaller");
    TURNPIKE_REASON(CV_UNREC_RHSFUNC_ERR, not_finite, "make the control smaller");
    TURNPIKE_REASON(CV_QRHSFUNC_FAIL, not_finite, "in an integral; make the control smaller");
    TURNPIKE_REASON(CV_FIRST_QRHSFUNC_ERR, not_finite,
                    "in an integral, where the interval begins; make the control smaller");
    TURNPIKE_REASON(CV_REPTD_QRHSFUNC_ERR, not_finite, "in an integral; make the control smaller");
    TURNPIKE_REASON(CV_UNREC_QRHSFUNC_ERR, not_finite, "in an integral; make the control smaller");
    TURNPIKE_REASON(CV_MEM_FAIL, solver_failed, "there is no memory; use smaller tiles by run.tile");
    TURNPIKE_REASON(CV_BAD_T, not_finite, "a step size overflowed; make the control smaller");
    TURNPIKE_REASON(CV_TOO_CLOSE, solver_failed, "an interval is shorter than t resolves; make them longer");
    TURNPIKE_REASON(CV_BAD_TB0, solver_failed, "an interval is shorter than t resolves; make them longer");
    TURNPIKE_REASON(CV_REIFWD_FAIL, solver_failed, "raise integrator.rtol or use more intervals");
    TURNPIKE_REASON(CV_FWD_FAIL, solver_failed, "raise integrator.rtol or use more intervals");
    TURNPIKE_REASON(CV_GETY_BADT, solver_failed, "raise integrator.rtol or use more intervals");
    TURNPIKE_REASON(CV_ILL_INPUT, solver_failed,
                    "an error weight or a time is out of range; raise integrator.atol");
    default:
      return {StepOutcome::solver_failed, "CVODES failed; raise integrator.rtol or use more intervals"};
  }
}

#undef TURNPIKE_REASON

}  // namespace

StepStatus status_of(int flag, double t, double h) {
  const Reason reason = reason_of(flag);
  return {reason.outcome, t, h, -1, reason.detail};
}

}  // namespace turnpike::cvodes
