#include "diagnostics/order_fit.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>

namespace turnpike {

std::optional<double> fitted_order(const Ladder& ladder) {
  constexpr std::size_t window = 5;
  Numbers step;
  Numbers error;
  for (std::size_t i = ladder.step.size(); i-- > 0 && step.size() < window;) {
    if (ladder.error[i] > 10 * ladder.resolution && std::isfinite(ladder.error[i])) {
      step.push_back(ladder.step[i]);
      error.push_back(ladder.error[i]);
    }
  }
  if (step.size() < window) {
    return std::nullopt;
  }
  double smallest = std::numeric_limits<double>::infinity();
  double order = 0;
  for (const int q : {1, 2}) {
    Eigen::Matrix<double, window, 3> M;
    Eigen::Matrix<double, window, 1> y;
    for (std::size_t i = 0; i < window; ++i) {
      const auto row = static_cast<Index>(i);
      M.row(row) << 1, std::log(step[i]), std::pow(step[i], q);
      y(row) = std::log(error[i]);
    }
    const Eigen::Vector3d solution = M.colPivHouseholderQr().solve(y);
    const double residual = (M * solution - y).norm();
    if (residual < smallest) {
      smallest = residual;
      order = solution(1);
    }
  }
  return order;
}

std::vector<Index> order_rungs(int order) {
  const double factor = std::min(2.0, std::pow(2.0, 2.0 / order));
  const Index last = order == 1 ? 256 : 128;
  std::vector<Index> substeps;
  double s = 1;
  while (s <= static_cast<double>(last)) {
    const auto rounded = static_cast<Index>(std::lround(s));
    if (substeps.empty() || substeps.back() != rounded) {
      substeps.push_back(rounded);
    }
    s *= factor;
  }
  return substeps;
}

}  // namespace turnpike
