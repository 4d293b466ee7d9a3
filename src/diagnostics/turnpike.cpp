#include "turnpike/turnpike.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

#include "diagnostics/path.hpp"
#include "turnpike/error.hpp"

namespace turnpike {

namespace {

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// ‖x_d‖₂ of each sample, rounded up.
template <class T>
std::vector<double> norms_above(ConstTile<T> X) {
  std::vector<double> norms(static_cast<std::size_t>(X.columns));
  for (Index i = 0; i < X.rows; ++i) {
    const T* const row = X.row(i);
    for (std::size_t d = 0; d < norms.size(); ++d) {
      const auto value = static_cast<double>(row[d]);
      norms[d] += value * value;
    }
  }
  const double slack = static_cast<double>(X.rows + 4) * std::numeric_limits<double>::epsilon();
  const double underflow = static_cast<double>(X.rows) * std::numeric_limits<double>::min();
  for (double& norm : norms) {
    norm = std::sqrt(norm + underflow) * (1 + slack);
  }
  return norms;
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
                    const MinimizerSet* minimizers, Index points, const ChangeBound* bound) {
  assert(bound == nullptr || points == 1);
  Measurement m;
  const TimeGrid& grid = problem.definition().grid;
  for (Index k = 0; k < grid.intervals(); ++k) {
    for (Index j = 0; j < points; ++j) {
      m.times.push_back(grid.node(k) + grid.length(k) * static_cast<double>(j) / static_cast<double>(points));
    }
  }
  m.times.push_back(grid.node(grid.intervals()));
  const std::span<const int> labels = problem.labels();
  const std::span<const Index> components = loss.components();
  const std::size_t samples = labels.size();
  std::vector<std::vector<double>> losses(m.times.size(), std::vector<double>(samples));
  std::vector<std::vector<int>> classes(m.times.size(), std::vector<int>(samples));
  State<double> offsets;  // of every sample at its last visited time
  if (minimizers != nullptr) {
    assert(minimizers->components() == static_cast<Index>(components.size()));
    offsets.resize(minimizers->components(), static_cast<Index>(samples));
    m.distances.assign(m.times.size(), std::vector<double>(samples));
    m.losses = m.distances;
    m.products.assign(m.times.size() - 1, std::vector<double>(samples));
  }
  std::vector<std::vector<double>> changes(bound == nullptr ? 0 : m.times.size(),
                                           std::vector<double>(samples));
  std::vector<std::vector<char>> fixed(changes.size(), std::vector<char>(samples));
  m.objective = problem.visit_states(
      u,
      [&](Index j, Index first, ConstTile<T> X) {
        const auto at = static_cast<std::size_t>(j);
        const auto columns = static_cast<std::size_t>(X.columns);
        const std::span<const int> own = labels.subspan(static_cast<std::size_t>(first), columns);
        const std::vector<double> l = sample_losses<T>(loss, X, own);
        const std::vector<int> c = predicted_classes<T>(X, components);
        std::copy(l.begin(), l.end(), losses[at].begin() + first);
        std::copy(c.begin(), c.end(), classes[at].begin() + first);
        if (minimizers == nullptr && bound == nullptr) {
          return;
        }
        const std::vector<double> norms = bound == nullptr ? std::vector<double>() : norms_above(X);
        std::vector<double> x(components.size());
        std::vector<double> offset(components.size());
        for (std::size_t d = 0; d < columns; ++d) {
          const std::size_t sample = static_cast<std::size_t>(first) + d;
          for (std::size_t i = 0; i < x.size(); ++i) {
            x[i] = static_cast<double>(X(components[i], static_cast<Index>(d)));
          }
          if (bound != nullptr) {
            changes[at][sample] = bound->after(j, norms[d]);
            fixed[at][sample] = class_is_fixed(x, changes[at][sample]) ? 1 : 0;
          }
          if (minimizers == nullptr) {
            continue;
          }
          minimizers->offset(x, own[d], offset);
          m.losses[at][sample] = minimizers->loss(x, own[d]);
          double square = 0;
          double product = 0;
          for (std::size_t i = 0; i < x.size(); ++i) {
            double& before = offsets(static_cast<Index>(i), static_cast<Index>(sample));
            square += offset[i] * offset[i];
            product += before * offset[i];
            before = offset[i];
          }
          m.distances[at][sample] = std::sqrt(square);
          if (j > 0) {
            m.products[at - 1][sample] = product;
          }
        }
      },
      points);
  if (!m.objective.status.ok()) {
    throw NumericalError(fmt::format("the trajectory cannot be measured: {}", m.objective.status.message()));
  }
  m.predicted = classes.back();
  const auto share_equal = [&](const std::vector<int>& some, std::span<const int> others) {
    return static_cast<double>(
               std::inner_product(some.begin(), some.end(), others.begin(), Index{0}, std::plus<>(),
                                  [](int a, int b) { return a == b ? Index{1} : Index{0}; })) /
           static_cast<double>(samples);
  };
  for (std::size_t j = 0; j < m.times.size(); ++j) {
    m.loss.push_back(mean(losses[j]));
    m.accuracy.push_back(share_equal(classes[j], labels));
    m.changed.push_back(1 - share_equal(classes[j], m.predicted));
  }
  for (std::size_t k = 0; k < changes.size(); ++k) {
    m.certified_change.push_back(*std::max_element(changes[k].begin(), changes[k].end()));
    m.certified_share.push_back(static_cast<double>(std::count(fixed[k].begin(), fixed[k].end(), 1)) /
                                static_cast<double>(samples));
  }
  return m;
}

template Measurement measure(OptimalControlProblem<float>&, const Control<float>&, const Cost<float>&,
                             const MinimizerSet*, Index, const ChangeBound*);
template Measurement measure(OptimalControlProblem<double>&, const Control<double>&, const Cost<double>&,
                             const MinimizerSet*, Index, const ChangeBound*);

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
  for (std::size_t k = 0; k < layers; ++k) {
    s.layers_inside += rms[k] <= epsilon ? 1 : 0;
  }
  const auto level = [epsilon](std::size_t /*j*/) { return epsilon * epsilon; };
  for (std::size_t d = 0; d < samples; ++d) {
    s.measured_outside += layers_outside(path_of(m, d), level);
    const double theta = time_outside(path_of(dense, d), dense.times, level);
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
