#pragma once

#include <Eigen/LU>
#include <vector>

#include "turnpike/integrator.hpp"

namespace turnpike::cvodes {

/// A preconditioner for Newton's systems of many components: the samples' blocks I + c F_X differ less from
/// one another than from the identity, so that one block, made of their Jacobians, serves all of them. Its
/// column j is that of the mean Jacobian of every n-th sample, from the j-th on: all columns take one product
/// with F_X where there are at least n samples.
class MeanBlock {
 public:
  MeanBlock(Index n, Index columns);

  /// Takes over F_X at the point of `record`.
  void set_jacobian(const ControlledSystem<double>& system, const double* record);
  /// Makes I + c J̄ ready for `solve`. False when it is singular to rounding or not finite.
  bool set_up(double c);
  /// Makes I + c J̄ᵀ ready for `solve`. False as `set_up`.
  bool set_up_transposed(double c);
  /// z = (I + c J̄)⁻¹ r, sample by sample (n×D each).
  void solve(const double* r, double* z) const;

 private:
  bool factorize(const Eigen::MatrixXd& block);

  Index n_;
  Index columns_;
  Eigen::MatrixXd jacobian_;  // J̄
  Eigen::PartialPivLU<Eigen::MatrixXd> factors_;
  State<double> direction_;
  State<double> product_;
};

}  // namespace turnpike::cvodes
