#pragma once

#include <sundials/sundials_linearsolver.h>
#include <sundials/sundials_matrix.h>

#include <memory>
#include <vector>

#include "turnpike/integrator.hpp"

namespace turnpike::cvodes {

/// The largest n that BlockSolver takes; beyond, Krylov iterations are cheaper than n Jacobian columns.
inline constexpr Index largest_block = 8;

/// The linear solver of Newton's method for samples that do not interact: M = I − γ F_X falls into one n×n
/// block a sample. Blocks are inverted when CVODES sets the solver up; a solve is a product, vectorized over
/// the samples.
class BlockSolver {
 public:
  /// Throws std::bad_alloc.
  BlockSolver(Index n, Index columns, SUNContext context);
  // SUNDIALS keeps pointers to it.
  BlockSolver(const BlockSolver&) = delete;
  BlockSolver& operator=(const BlockSolver&) = delete;
  ~BlockSolver() = default;

  /// The solver that a matrix handed to a callback belongs to.
  static BlockSolver& of(SUNMatrix matrix) { return *static_cast<BlockSolver*>(matrix->content); }

  [[nodiscard]] SUNLinearSolver solver() const { return solver_.get(); }
  [[nodiscard]] SUNMatrix matrix() const { return matrix_.get(); }

  /// Takes over F_X at the point of `record`, from its n columns.
  void set_jacobian(const ControlledSystem<double>& system, const double* record);
  /// Makes M = I + c F_X ready for `solve`. False when a block is singular to rounding or not finite.
  bool set_up(double c);
  /// Makes M = I + c F_Xᵀ ready for `solve`. False as `set_up`.
  bool set_up_transposed(double c);
  /// x = M⁻¹ b (n×D each); they do not overlap.
  void solve(const double* b, double* x) const;

 private:
  struct FreeSolver {
    void operator()(SUNLinearSolver s) const { SUNLinSolFreeEmpty(s); }
  };
  struct FreeMatrix {
    void operator()(SUNMatrix m) const { SUNMatFreeEmpty(m); }
  };
  bool invert(double c, bool transposed);

  Index n_;
  Index columns_;
  std::vector<double> jacobian_;   // entry (i, j) of all samples at (i n + j) D
  std::vector<double> system_;     // M, the same way
  std::vector<double> inverse_;    // M⁻¹: entry (i, j) at (j n + i) D
  std::vector<double> direction_;  // a unit direction, n×D
  std::unique_ptr<_generic_SUNLinearSolver, FreeSolver> solver_;
  std::unique_ptr<_generic_SUNMatrix, FreeMatrix> matrix_;
};

}  // namespace turnpike::cvodes
