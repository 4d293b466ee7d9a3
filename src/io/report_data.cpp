#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "io/run_results.hpp"
#include "turnpike/geometry.hpp"

namespace turnpike {

namespace {

template <class T>
const Cost<T>& loss_of(const ProblemDefinition<T>& definition) {
  return definition.running ? *definition.running : *definition.terminal;
}

template <class T>
ReportSplit split_of(const std::string& name, const Dataset<T>& data, const Measurement& m,
                     OptimalControlProblem<T>& problem, const Control<T>& u, Index points, Index first,
                     Index second) {
  constexpr Index most_samples = 600;
  ReportSplit split;
  split.name = name;
  split.loss = m.loss;
  split.accuracy = m.accuracy;
  const Index stride = std::max<Index>(1, (data.size() + most_samples - 1) / most_samples);
  for (Index d = 0; d < data.size(); d += stride) {
    split.labels.push_back(data.labels[static_cast<std::size_t>(d)]);
    split.predicted.push_back(m.predicted[static_cast<std::size_t>(d)]);
  }
  IntegrationStatus status;
  for (const State<T>& X : problem.states(u, status, points)) {
    std::vector<double> x;
    std::vector<double> y;
    for (Index d = 0; d < data.size(); d += stride) {
      x.push_back(static_cast<double>(X(first, d)));
      y.push_back(static_cast<double>(X(second, d)));
    }
    split.x.push_back(std::move(x));
    split.y.push_back(std::move(y));
  }
  return split;
}

template <class T>
ReportData::Regions decision_regions(const Experiment<T>& e, const Control<T>& u,
                                     const ProblemDefinition<T>& definition) {
  constexpr int side = 160;
  ReportData::Regions regions;
  const double reach = 1.08 * static_cast<double>(e.train.features.cwiseAbs().maxCoeff());
  regions.x_min = regions.y_min = -reach;
  regions.x_max = regions.y_max = reach;
  regions.columns = regions.rows = side;
  Dataset<double> grid;
  grid.classes = e.train.classes;
  grid.features.resize(2, Index{side} * side);
  grid.labels.assign(static_cast<std::size_t>(side) * side, 0);
  for (Index i = 0; i < side; ++i) {
    for (Index j = 0; j < side; ++j) {
      const double step = 2 * reach / side;
      grid.features(0, i * side + j) = -reach + (static_cast<double>(j) + 0.5) * step;
      grid.features(1, i * side + j) = -reach + (static_cast<double>(i) + 0.5) * step;
    }
  }
  OptimalControlProblem<T> problem(definition, cast<T>(grid));
  IntegrationStatus status;
  const std::vector<State<T>> states = problem.states(u, status);
  if (!status.ok()) {
    return {};
  }
  regions.predicted = predicted_classes<T>(tile_of(states.back()), e.config.cost.components);
  return regions;
}

/// At most about 400 of the rows, the first and the last among them.
ReportData::Training thinned(const std::vector<EpochMetrics>& metrics) {
  ReportData::Training training;
  const std::size_t stride = std::max<std::size_t>(1, metrics.size() / 400);
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    if (i % stride != 0 && i + 1 != metrics.size()) {
      continue;
    }
    const EpochMetrics& m = metrics[i];
    training.epoch.push_back(static_cast<double>(m.epoch));
    training.objective.push_back(m.objective.total());
    training.running.push_back(m.objective.running);
    training.control.push_back(m.objective.control);
    training.terminal.push_back(m.objective.terminal);
    training.learning_rate.push_back(m.learning_rate);
  }
  return training;
}

std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

}  // namespace

template <class T>
ReportData report_data(const Experiment<T>& e, const Control<T>& u, const RunResults& results,
                       const std::vector<EpochMetrics>& metrics, const IntegratorRegistry& integrators) {
  const ProblemDefinition<T> definition = make_definition<T>(e.config, e.train.class_count(), integrators);
  const std::vector<Index>& components = e.config.cost.components;
  const Index first = components[0];
  const Index second = components[1];
  ReportData data;
  data.title = e.config.data.source == "csv" ? std::filesystem::path(e.config.data.path).filename().string()
                                             : "Two spirals";
  const Objective& objective = results.train.objective;
  data.facts = {{"Train accuracy", percent(results.train.accuracy.back())}};
  if (results.test) {
    data.facts.emplace_back("Test accuracy", percent(results.test->accuracy.back()));
  }
  data.facts.emplace_back("Objective V", fmt::format("{:.4f}", objective.total()));
  data.facts.emplace_back(
      "Running, control, terminal cost",
      fmt::format("{:.3f}, {:.3f}, {:.4f}", objective.running, objective.control, objective.terminal));
  if (results.turnpike) {
    const auto& entry = results.turnpike->by_loss.entry;
    data.facts.emplace_back("Enters the turnpike at layer",
                            entry ? fmt::format("{} of {}", *entry, u.intervals()) : "never");
  }
  data.facts.emplace_back("Epochs", fmt::format("{}", metrics.empty() ? 0 : metrics.back().epoch));
  data.facts.emplace_back("Integrator", e.config.integrator.name);
  data.facts.emplace_back("Seed", fmt::format("{}", e.config.run.seed));
  data.classes = e.train.classes;
  data.x_name = fmt::format("x{}", first + 1);
  data.y_name = fmt::format("x{}", second + 1);
  const Index points = dense_points(*definition.integrator, 4);
  const DistanceToMinimizers to_minimizers =
      distance_of(e.config, e.train.class_count(),
                  loss_of(make_definition<double>(e.config, e.train.class_count(), integrators)));
  data.points = static_cast<std::size_t>(points);
  OptimalControlProblem<T> problem(definition, e.train);
  const Measurement train = measure(problem, u, loss_of(definition), to_minimizers, points);
  data.times = train.times;
  data.train = split_of("train", e.train, train, problem, u, points, first, second);
  if (results.test) {
    OptimalControlProblem<T> test(definition, e.test);
    data.test = split_of("test", e.test, measure(test, u, loss_of(definition), {}, points), test, u, points,
                         first, second);
  }
  data.control_norm = results.control_norm;
  if (results.turnpike) {
    ReportData::Distance distance;
    distance.epsilon = results.turnpike->epsilon;
    for (const std::vector<double>& row : train.distances) {
      double sum = 0;
      for (const double value : row) {
        sum += value;
      }
      distance.mean.push_back(sum / static_cast<double>(row.size()));
      distance.max.push_back(*std::max_element(row.begin(), row.end()));
      distance.low.push_back(quantile(row, 0.1));
      distance.high.push_back(quantile(row, 0.9));
    }
    data.distance = std::move(distance);
    if (results.turnpike->by_loss.entry) {
      data.entry_layer = static_cast<std::size_t>(*results.turnpike->by_loss.entry);
    }
  }
  if (tabulated_loss(e.config) == "soft-cross-entropy" && e.train.class_count() == 2) {
    const SoftCrossEntropyGeometry geometry(2, e.config.cost.p_d);
    for (const int y : {0, 1}) {
      const std::vector<double> point = geometry.minimizer(y);
      data.minimizers.push_back({point[0], point[1], true});
    }
  } else if (tabulated_loss(e.config) == "quadratic") {
    State<double> targets(static_cast<Index>(components.size()), e.train.class_count());
    std::vector<int> classes(static_cast<std::size_t>(e.train.class_count()));
    for (std::size_t c = 0; c < classes.size(); ++c) {
      classes[c] = static_cast<int>(c);
    }
    loss_of(make_definition<double>(e.config, e.train.class_count(), integrators))
        .make_targets(classes, tile_of(targets));
    for (Index c = 0; c < targets.cols(); ++c) {
      data.minimizers.push_back({targets(0, c), targets(1, c), false});
    }
  }
  data.training = thinned(metrics);
  if (e.train.feature_count() == 2) {
    data.regions = decision_regions(e, u, definition);
  }
  return data;
}

template ReportData report_data(const Experiment<float>&, const Control<float>&, const RunResults&,
                                const std::vector<EpochMetrics>&, const IntegratorRegistry&);
template ReportData report_data(const Experiment<double>&, const Control<double>&, const RunResults&,
                                const std::vector<EpochMetrics>&, const IntegratorRegistry&);

}  // namespace turnpike
