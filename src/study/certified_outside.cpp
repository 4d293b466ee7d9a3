#include "study/certified_outside.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "turnpike/error.hpp"

namespace turnpike {

template <class T>
double certified_outside(OptimalControlProblem<T>& problem, const Control<T>& u, const Cost<T>& loss,
                         const SoftCrossEntropyGeometry& geometry, double epsilon) {
  // The numeric minimum lies a little above the true one.
  const double alpha = geometry.sharp_bound(epsilon) * (1 - 1e-9);
  const Index K = problem.definition().grid.intervals();
  std::vector<double> outside(static_cast<std::size_t>(problem.sample_count()));
  const Objective V = problem.visit_states(u, [&](Index k, Index first, ConstTile<T> X) {
    if (k == K) {
      return;
    }
    const std::vector<double> losses = sample_losses<T>(
        loss, X,
        problem.labels().subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(X.columns)));
    for (std::size_t d = 0; d < losses.size(); ++d) {
      outside[static_cast<std::size_t>(first) + d] += std::min(1.0, losses[d] / alpha);
    }
  });
  if (!V.status.ok()) {
    throw NumericalError("the trajectory cannot be certified: " + V.status.message());
  }
  return std::accumulate(outside.begin(), outside.end(), 0.0) / static_cast<double>(outside.size());
}

template double certified_outside(OptimalControlProblem<float>&, const Control<float>&, const Cost<float>&,
                                  const SoftCrossEntropyGeometry&, double);
template double certified_outside(OptimalControlProblem<double>&, const Control<double>&, const Cost<double>&,
                                  const SoftCrossEntropyGeometry&, double);

}  // namespace turnpike
