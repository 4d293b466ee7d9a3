#include "diagnostics/analysis.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <optional>

namespace turnpike {

namespace {

void tell(const PhaseObserver& phase, Index layers, const char* where, Index samples, const char* split) {
  if (phase) {
    phase(fmt::format("measuring all {} {} on {} {} samples", layers, where, samples, split));
  }
}

/// The squared distance of the stacked state at a node, plus `control_square`.
double stacked_square(const Measurement& m, std::size_t node, double control_square) {
  const std::vector<double>& row = m.distances[node];
  return std::inner_product(row.begin(), row.end(), row.begin(), control_square);
}

RunResults::Reachability envelopes(const RunResults& results, double gamma, double r) {
  const Measurement& m = results.train;
  const auto samples = static_cast<Index>(m.distances.front().size());
  // In time u_k and the line from x_k to x_{k+1} have to stay below the envelope until t_{k+1}.
  std::vector<double> ends;
  std::vector<double> farthest;
  for (std::size_t k = 0; k + 1 < m.times.size(); ++k) {
    const double square = results.control_norm[k] * results.control_norm[k];
    ends.push_back(m.times[k + 1]);
    farthest.push_back(std::sqrt(std::max(stacked_square(m, k, square), stacked_square(m, k + 1, square))));
  }
  return {geometric_envelope(results.joint_distance, samples, gamma, r),
          exponential_envelope(ends, farthest, samples, gamma, r)};
}

}  // namespace

template <class T>
RunResults measure_control(const TrainedControl<T>& trained, const PhaseObserver& phase) {
  const ProblemDefinition<T>& definition = trained.definition;
  RunResults results;
  results.uncertified = trained.uncertified;
  std::optional<ChangeBound> bound;
  if (trained.change_bound) {
    bound.emplace(*definition.field, trained.u, *trained.change_bound);
  }
  const auto measured = [&](const std::shared_ptr<const Dataset<T>>& data, const char* split) {
    tell(phase, trained.u.intervals(), "layers", data->size(), split);
    OptimalControlProblem<T> problem(definition, data);
    return measure(problem, trained.u, loss_of(definition), trained.minimizers.get(), 1,
                   bound ? &*bound : nullptr);
  };
  results.train = measured(trained.train, "training");
  if (trained.test) {
    results.test = measured(trained.test, "test");
  }
  return results;
}

template <class T>
RunResults analyse_control(const TrainedControl<T>& trained, double epsilon, const PhaseObserver& phase) {
  const ProblemDefinition<T>& definition = trained.definition;
  const Control<T>& u = trained.u;
  RunResults results = measure_control(trained, phase);
  for (Index k = 0; k < u.intervals(); ++k) {
    results.control_norm.push_back(control_norm(u, k));
  }
  if (!trained.minimizers) {
    return results;
  }
  const MinimizerSet& minimizers = *trained.minimizers;
  OptimalControlProblem<T> problem(definition, trained.train);
  const Index points = dense_points(problem, 16, trained.one_step);
  std::optional<Measurement> between;
  if (points > 1) {
    tell(phase, u.intervals(), "layers and between them", trained.train->size(), "training");
    between = measure(problem, u, loss_of(definition), &minimizers, points);
  }
  const Measurement& dense = between ? *between : results.train;
  results.turnpike = summarize_turnpike(results.train, dense, epsilon);
  std::vector<double> levels = {epsilon};
  levels.insert(levels.end(), std::begin(epsilon_ladder), std::end(epsilon_ladder));
  results.ladder = certify(results.train, dense, results.control_norm, definition.r, minimizers, levels);
  results.certificate = results.ladder.front();
  results.ladder.erase(results.ladder.begin());
  results.slack = dissipation_slack(results.train, minimizers);
  for (std::size_t k = 0; k < results.train.times.size(); ++k) {
    const double norm = k < results.control_norm.size() ? results.control_norm[k] : 0;
    results.joint_distance.push_back(std::sqrt(stacked_square(results.train, k, norm * norm)));
  }
  if (trained.soft_cross_entropy) {
    results.reachability = envelopes(results, definition.terminal ? definition.gamma : 0, definition.r);
  }
  return results;
}

Cropping cropping_of(const RunResults& results, double tolerance) {
  const std::vector<double> none;
  const Measurement& train = results.train;
  Cropping cropping = find_cropping(train.accuracy, results.test ? results.test->accuracy : none, tolerance);
  if (!train.certified_share.empty()) {
    cropping.certified_depth = find_certified_depth(
        train.certified_share, results.test ? results.test->certified_share : none, tolerance);
  }
  return cropping;
}

#define TURNPIKE_INSTANTIATE(T)                                                        \
  template RunResults measure_control(const TrainedControl<T>&, const PhaseObserver&); \
  template RunResults analyse_control(const TrainedControl<T>&, double, const PhaseObserver&);

TURNPIKE_INSTANTIATE(float)
TURNPIKE_INSTANTIATE(double)

}  // namespace turnpike
