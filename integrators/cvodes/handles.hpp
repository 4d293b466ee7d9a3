#pragma once

#include <cvodes/cvodes.h>
#include <sundials/sundials_context.h>
#include <sundials/sundials_linearsolver.h>
#include <sundials/sundials_nonlinearsolver.h>

#include <memory>
#include <new>

namespace turnpike::cvodes {

// Owners of what SUNDIALS allocates.

struct FreeContext {
  void operator()(SUNContext context) const { SUNContext_Free(&context); }
};
using ContextPtr = std::unique_ptr<_SUNContext, FreeContext>;

struct FreeIntegrator {
  void operator()(void* memory) const { CVodeFree(&memory); }
};
using IntegratorPtr = std::unique_ptr<void, FreeIntegrator>;

struct FreeLinearSolver {
  void operator()(SUNLinearSolver solver) const { SUNLinSolFree(solver); }
};
using LinearSolverPtr = std::unique_ptr<_generic_SUNLinearSolver, FreeLinearSolver>;

struct FreeNonlinearSolver {
  void operator()(SUNNonlinearSolver solver) const { SUNNonlinSolFree(solver); }
};
using NonlinearSolverPtr = std::unique_ptr<_generic_SUNNonlinearSolver, FreeNonlinearSolver>;

/// A new context. Throws std::bad_alloc.
inline ContextPtr make_context() {
  SUNContext context = nullptr;
  if (SUNContext_Create(nullptr, &context) != 0) {
    throw std::bad_alloc();
  }
  return ContextPtr(context);
}

/// `pointer`, which SUNDIALS allocated. Throws std::bad_alloc when it is null.
template <class Pointer>
Pointer allocated(Pointer pointer) {
  if (!pointer) {
    throw std::bad_alloc();
  }
  return pointer;
}

}  // namespace turnpike::cvodes
