#include "cvodes/block_solver.hpp"

#include <algorithm>
#include <new>

#include "core/solve_count.hpp"
#include "cvodes/vector.hpp"
#include "implicit_rk/batched_elimination.hpp"

namespace turnpike::cvodes {

BlockSolver::BlockSolver(Index n, Index columns, SUNContext context)
    : n_(n),
      columns_(columns),
      jacobian_(static_cast<std::size_t>(n * n * columns)),
      system_(jacobian_.size()),
      inverse_(jacobian_.size()),
      direction_(static_cast<std::size_t>(n * columns)),
      solver_(SUNLinSolNewEmpty(context)),
      matrix_(SUNMatNewEmpty(context)) {
  if (!solver_ || !matrix_) {
    throw std::bad_alloc();
  }
  solver_->content = this;
  solver_->ops->gettype = [](SUNLinearSolver) { return SUNLINEARSOLVER_DIRECT; };
  solver_->ops->getid = [](SUNLinearSolver) { return SUNLINEARSOLVER_CUSTOM; };
  solver_->ops->setup = [](SUNLinearSolver, SUNMatrix) { return SUNLS_SUCCESS; };  // done with the matrix
  solver_->ops->solve = [](SUNLinearSolver s, SUNMatrix, N_Vector x, N_Vector b, double) {
    static_cast<const BlockSolver*>(s->content)->solve(entries(b), entries(x));
    return SUNLS_SUCCESS;
  };
  matrix_->content = this;
  matrix_->ops->getid = [](SUNMatrix) { return SUNMATRIX_CUSTOM; };
}

void BlockSolver::set_jacobian(const ControlledSystem<double>& system, const double* record) {
  for (Index j = 0; j < n_; ++j) {
    std::fill(direction_.begin(), direction_.end(), 0.0);
    std::fill_n(direction_.begin() + j * columns_, columns_, 1.0);
    system.apply(record, {direction_.data(), n_, columns_, columns_},
                 {jacobian_.data() + j * columns_, n_, columns_, n_ * columns_});
  }
}

bool BlockSolver::set_up(double c) { return invert(c, false); }

bool BlockSolver::set_up_transposed(double c) { return invert(c, true); }

bool BlockSolver::invert(double c, bool transposed) {
  for (Index i = 0; i < n_; ++i) {
    for (Index j = 0; j < n_; ++j) {
      const double* const from = jacobian_.data() + (transposed ? j * n_ + i : i * n_ + j) * columns_;
      double* const to = system_.data() + (i * n_ + j) * columns_;
      const double unit = i == j ? 1.0 : 0.0;
      for (Index d = 0; d < columns_; ++d) {
        to[d] = unit + c * from[d];
      }
    }
  }
  std::fill(inverse_.begin(), inverse_.end(), 0.0);
  for (Index j = 0; j < n_; ++j) {
    double* const column = inverse_.data() + j * n_ * columns_;
    std::fill_n(column + j * columns_, columns_, 1.0);
    eliminate<double>(n_, columns_, system_.data(), column);
  }
  return finiteness(inverse_.data(), static_cast<Index>(inverse_.size())) == 0;
}

void BlockSolver::solve(const double* b, double* x) const {
  linear_solves += columns_;
  for (Index i = 0; i < n_; ++i) {
    double* const out = x + i * columns_;
    for (Index j = 0; j < n_; ++j) {
      const double* const entry = inverse_.data() + (j * n_ + i) * columns_;
      const double* const in = b + j * columns_;
      if (j == 0) {
        for (Index d = 0; d < columns_; ++d) {
          out[d] = entry[d] * in[d];
        }
      } else {
        for (Index d = 0; d < columns_; ++d) {
          out[d] += entry[d] * in[d];
        }
      }
    }
  }
}

}  // namespace turnpike::cvodes
