#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

#include "turnpike/change_bound.hpp"
#include "turnpike/minimizers.hpp"
#include "turnpike/problem.hpp"

namespace turnpike {

/// The value below which an empirical quantile of `values` lies with probability p in [0, 1], linear between
/// order statistics (type 7 of Hyndman, Fan 1996). `values` is not empty.
double quantile(std::vector<double> values, double p);

/// Where a sequence stays below a threshold at its end.
struct Stay {
  std::optional<Index> entry;    ///< first index of the last unbroken run below; empty when there is none
  std::optional<Index> leaving;  ///< first index after that run; empty when the run reaches the end
};

/// The last unbroken run of values below `threshold`. What follows it is the leaving arc.
Stay last_stay_below(std::span<const double> values, double threshold);

/// One split of the data along a trajectory, at the nodes t_0, …, t_K or at more times.
struct Measurement {
  std::vector<double> times;     ///< K + 1 nodes, or K·points + 1 times
  std::vector<double> loss;      ///< mean loss at each node
  std::vector<double> accuracy;  ///< share of samples whose largest component is the label's
  std::vector<double> changed;   ///< share of samples whose largest component is another one at the last node
  /// Of every sample, time by time, or empty where the loss has no minimizers: the distance to them; the
  /// loss, in double; and ⟨o_j, o_{j+1}⟩, o_j the offset from the nearest minimizer (one time fewer), by
  /// which the distance is known on the line between two states.
  std::vector<std::vector<double>> distances;
  std::vector<std::vector<double>> losses;
  std::vector<std::vector<double>> products;
  std::vector<int> predicted;  ///< classes at the last node, D entries
  /// With a ChangeBound, node by node: the largest certified change of the loss components after it, and the
  /// share of samples whose class is proved to be that at the last node.
  std::vector<double> certified_change;
  std::vector<double> certified_share;
  Objective objective;
};

/// Runs `problem` with control u and measures at `points` equally spaced times an interval, 1 for the nodes
/// alone. `loss` is the loss to tabulate; `minimizers` are its own or null (plain cross-entropy has none).
/// `bound`, for the nodes alone and unless null, is that of the problem and the control. Throws
/// NumericalError when the integration fails.
template <class T>
Measurement measure(OptimalControlProblem<T>& problem, const Control<T>& u, const Cost<T>& loss,
                    const MinimizerSet* minimizers, Index points = 1, const ChangeBound* bound = nullptr);

/// The times an interval at which the trajectories of `problem` are worth looking at for an accuracy that
/// `points` at a smooth curve give: 1 where the states between the nodes are on a line anyway, after one step
/// (`one_step`) of a scheme of order 1 or 2, and fewer for so many samples that their measurement would take
/// gigabytes.
template <class T>
Index dense_points(const OptimalControlProblem<T>& problem, Index points, bool one_step) {
  constexpr Index most = Index{1} << 22;
  const ProblemDefinition<T>& definition = problem.definition();
  const Index nodes = definition.grid.intervals() * problem.sample_count();
  const bool line = one_step && definition.integrator->traits().order <= 2;
  return line ? 1 : std::clamp<Index>(most / nodes, 1, points);
}

/// What is said of one distance sequence at level ε.
struct TurnpikeSummary {
  double epsilon = 1;
  /// Entry layer: first layer of the last stay of the mean loss below 0.05; what comes after that stay is
  /// the leaving arc.
  Stay by_loss;
  /// The same for the root mean square distance over samples below or at ε.
  Stay by_distance;
  /// #Q_ε, layers k < N whose root mean square distance is at most ε.
  Index layers_inside = 0;
  /// Mean over samples of #{k < N : dist(x_k) > ε}.
  double measured_outside = 0;
  /// Mean over samples, and largest, of μ[Θ_ε] = μ{t ≤ T : dist(x(t)) > ε}, the state on a line between the
  /// times of `dense`.
  double theta_measure = 0;
  double theta_measure_max = 0;
  /// Mean and largest distance at the last node.
  double final_mean_distance = 0;
  double final_max_distance = 0;
};

/// What `nodes` and `dense`, the same trajectory at as many times or more, say of level ε. Throws InputError
/// unless ε > 0. Their `distances` and `products` are not empty.
TurnpikeSummary summarize_turnpike(const Measurement& nodes, const Measurement& dense, double epsilon);

/// The mean loss below which a layer counts as on the turnpike.
inline constexpr double entry_loss = 0.05;

/// Root mean square, node by node.
std::vector<double> root_mean_square(const std::vector<std::vector<double>>& values);

}  // namespace turnpike
