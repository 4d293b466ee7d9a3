#include "turnpike/turnpike.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

#include "turnpike/error.hpp"

namespace turnpike {

namespace {

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

double quantile(std::vector<double> values, double p) {
  assert(!values.empty() && p >= 0 && p <= 1);
  std::sort(values.begin(), values.end());
  const double position = p * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (position - static_cast<double>(below)) * (values[above] - values[below]);
}

double measure_above(std::span<const double> times, std::span<const double> values, double epsilon) {
  assert(times.size() == values.size());
  double measure = 0;
  for (std::size_t k = 0; k + 1 < times.size(); ++k) {
    const double h = times[k + 1] - times[k];
    const bool first = values[k] > epsilon;
    const bool last = values[k + 1] > epsilon;
    if (first && last) {
      measure += h;
    } else if (first != last) {
      const double share = (epsilon - values[k]) / (values[k + 1] - values[k]);
      measure += first ? h * share : h * (1 - share);
    }
  }
  return measure;
}

Stay last_stay_below(std::span<const double> values, double threshold) {
  Stay stay;
  auto k = static_cast<Index>(values.size()) - 1;
  const auto below = [&](Index i) { return values[static_cast<std::size_t>(i)] < threshold; };
  while (k >= 0 && !below(k)) {
    --k;
  }
  if (k < 0) {
    return stay;
  }
  if (k + 1 < static_cast<Index>(values.size())) {
    stay.leaving = k + 1;
  }
  while (k > 0 && below(k - 1)) {
    --k;
  }
  stay.entry = k;
  return stay;
}

template <class T>
Measurement measure(OptimalControlProblem<T>& problem, const Control<T>& u, const Cost<T>& loss,
                    const DistanceToMinimizers& distance, Index points) {
  Measurement m;
  m.objective = problem.value(u);
  IntegrationStatus status;
  const std::vector<State<T>> states = problem.states(u, status, points);
  if (!status.ok() || !m.objective.status.ok()) {
    throw NumericalError(fmt::format("the trajectory cannot be measured: {}",
                                     (status.ok() ? m.objective.status : status).message()));
  }
  const TimeGrid& grid = problem.definition().grid;
  for (Index k = 0; k < grid.intervals(); ++k) {
    for (Index j = 0; j < points; ++j) {
      m.times.push_back(grid.node(k) + grid.length(k) * static_cast<double>(j) / static_cast<double>(points));
    }
  }
  m.times.push_back(grid.node(grid.intervals()));
  const std::span<const int> labels = problem.labels();
  const std::span<const Index> components = loss.components();
  std::vector<double> x(components.size());
  for (const State<T>& X : states) {
    m.loss.push_back(mean(sample_losses<T>(loss, tile_of(X), labels)));
    m.predicted = predicted_classes<T>(tile_of(X), components);
    Index right = 0;
    for (std::size_t d = 0; d < labels.size(); ++d) {
      right += m.predicted[d] == labels[d] ? 1 : 0;
    }
    m.accuracy.push_back(static_cast<double>(right) / static_cast<double>(labels.size()));
    if (distance) {
      std::vector<double> distances(labels.size());
      for (std::size_t d = 0; d < labels.size(); ++d) {
        for (std::size_t c = 0; c < x.size(); ++c) {
          x[c] = static_cast<double>(X(components[c], static_cast<Index>(d)));
        }
        distances[d] = distance(x, labels[d]);
      }
      m.distances.push_back(std::move(distances));
    }
  }
  return m;
}

template Measurement measure(OptimalControlProblem<float>&, const Control<float>&, const Cost<float>&,
                             const DistanceToMinimizers&, Index);
template Measurement measure(OptimalControlProblem<double>&, const Control<double>&, const Cost<double>&,
                             const DistanceToMinimizers&, Index);

std::vector<double> root_mean_square(const std::vector<std::vector<double>>& values) {
  std::vector<double> roots;
  for (const std::vector<double>& row : values) {
    const double sum = std::inner_product(row.begin(), row.end(), row.begin(), 0.0);
    roots.push_back(std::sqrt(sum / static_cast<double>(row.size())));
  }
  return roots;
}

TurnpikeSummary summarize_turnpike(const Measurement& m, const Measurement& dense, double epsilon) {
  if (!(epsilon > 0) || !std::isfinite(epsilon)) {
    throw InputError(fmt::format("ε = {}; give a finite number above 0", epsilon));
  }
  assert(!m.distances.empty());
  TurnpikeSummary s;
  s.epsilon = epsilon;
  s.by_loss = last_stay_below(m.loss, entry_loss);
  const std::vector<double> rms = root_mean_square(m.distances);
  // "At most ε" as "below the next number after ε".
  s.by_distance = last_stay_below(rms, std::nextafter(epsilon, std::numeric_limits<double>::infinity()));
  const std::size_t layers = m.times.size() - 1;
  const std::size_t samples = m.distances.front().size();
  std::vector<double> path(dense.times.size());
  for (std::size_t k = 0; k < layers; ++k) {
    s.layers_inside += rms[k] <= epsilon ? 1 : 0;
  }
  for (std::size_t d = 0; d < samples; ++d) {
    for (std::size_t k = 0; k < layers; ++k) {
      s.measured_outside += m.distances[k][d] > epsilon ? 1 : 0;
    }
    for (std::size_t j = 0; j < path.size(); ++j) {
      path[j] = dense.distances[j][d];
    }
    const double theta = measure_above(dense.times, path, epsilon);
    s.theta_measure += theta;
    s.theta_measure_max = std::max(s.theta_measure_max, theta);
  }
  s.measured_outside /= static_cast<double>(samples);
  s.theta_measure /= static_cast<double>(samples);
  s.final_mean_distance = mean(m.distances.back());
  s.final_max_distance = *std::max_element(m.distances.back().begin(), m.distances.back().end());
  return s;
}

}  // namespace turnpike
