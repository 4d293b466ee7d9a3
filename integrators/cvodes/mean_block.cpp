#include "cvodes/mean_block.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace turnpike::cvodes {

MeanBlock::MeanBlock(Index n, Index columns)
    : n_(n), columns_(columns), jacobian_(n, n), direction_(n, columns), product_(n, columns) {}

void MeanBlock::set_jacobian(const ControlledSystem<double>& system, const double* record) {
  // Sample d gives column first + d mod n.
  for (Index first = 0; first < n_; first += columns_) {
    const Index last = std::min(n_, first + columns_);
    const Index width = last - first;
    direction_.setZero();
    for (Index d = 0; d < columns_; ++d) {
      direction_(first + d % width, d) = 1;
    }
    system.apply(record, tile_of(std::as_const(direction_)), tile_of(product_));
    for (Index j = 0; j < width; ++j) {
      jacobian_.col(first + j).setZero();
      Index samples = 0;
      for (Index d = j; d < columns_; d += width, ++samples) {
        jacobian_.col(first + j) += product_.col(d);
      }
      jacobian_.col(first + j) /= static_cast<double>(samples);
    }
  }
}

bool MeanBlock::set_up(double c) { return factorize(Eigen::MatrixXd::Identity(n_, n_) + c * jacobian_); }

bool MeanBlock::set_up_transposed(double c) {
  return factorize(Eigen::MatrixXd::Identity(n_, n_) + c * jacobian_.transpose());
}

bool MeanBlock::factorize(const Eigen::MatrixXd& block) {
  factors_.compute(block);
  const double smallest_pivot = factors_.matrixLU().diagonal().cwiseAbs().minCoeff();
  return std::isfinite(factors_.matrixLU().sum()) && smallest_pivot > 0;
}

void MeanBlock::solve(const double* r, double* z) const {
  const Eigen::Map<const State<double>> R(r, n_, columns_);
  Eigen::Map<State<double>> Z(z, n_, columns_);
  Z = factors_.solve(R);
}

}  // namespace turnpike::cvodes
