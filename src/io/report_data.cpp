#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "io/drawn_plane.hpp"
#include "io/report_pictures.hpp"
#include "io/report_samples.hpp"
#include "io/run_results.hpp"
#include "turnpike/geometry.hpp"

namespace turnpike {

namespace {

template <class T>
ReportSplit split_of(const std::string& name, const Dataset<T>& data, const Measurement& m,
                     const ProblemDefinition<T>& definition, const Control<T>& u, Index points,
                     const DrawnPlane& plane, const std::vector<Index>& components) {
  ReportSplit split;
  split.name = name;
  split.loss = m.loss;
  split.accuracy = m.accuracy;
  split.confusion = confusion_matrix(data.labels, m.predicted, data.classes.size());
  const std::vector<Index> drawn =
      evenly_picked(data.size(), most_drawn_samples(static_cast<Index>(m.times.size())));
  for (const Index d : drawn) {
    split.labels.push_back(data.labels[static_cast<std::size_t>(d)]);
    split.predicted.push_back(m.predicted[static_cast<std::size_t>(d)]);
  }
  OptimalControlProblem<T> problem(definition, cast<T>(samples_at(data, drawn)));
  IntegrationStatus status;
  std::vector<double> values(components.size());
  for (const State<T>& X : problem.states(u, status, points)) {
    std::vector<double> x;
    std::vector<double> y;
    for (Index d = 0; d < X.cols(); ++d) {
      for (std::size_t c = 0; c < components.size(); ++c) {
        values[c] = static_cast<double>(X(components[c], d));
      }
      const DrawnPlane::Point point = plane.place(values);
      x.push_back(point.x);
      y.push_back(point.y);
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
  const auto largest = static_cast<double>(e.train.features.cwiseAbs().maxCoeff());
  const double reach = largest > 0 ? 1.08 * largest : 1;
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

ReportData::Certificates certificates_of(const RunResults& results) {
  ReportData::Certificates certificates;
  const auto add = [](ReportData::Certificates::Curves& curves, const Certified& c) {
    curves.measured.push_back(c.measured);
    curves.sharp.push_back(c.sharp);
    curves.plain.push_back(c.plain);
  };
  for (const Certificate& c : results.ladder) {
    certificates.epsilon.push_back(c.epsilon);
    add(certificates.layers, c.sample.layers);
    add(certificates.time, c.sample.time);
  }
  const Certificate& c = *results.certificate;
  certificates.text = fmt::format(
      "A sample spends {:.2f} of {} layers farther than ε = {} from its minimizers; from the losses alone it "
      "is "
      "certain that these are at most {:.2f}, for this control, optimal or not.",
      c.sample.layers.measured, results.control_norm.size(), c.epsilon, c.sample.layers.sharp);
  return certificates;
}

/// A share of `samples`, as finely as one of many samples counts.
std::string percent(double share, Index samples) {
  return fmt::format("{:.{}f} %", 100 * share, samples < 10000 ? 1 : 2);
}

std::string title_of(const RunConfig& config) {
  if (config.data.source == "two-spirals") {
    return "Two spirals";
  }
  if (config.data.source == "mnist") {
    return "MNIST";
  }
  const std::filesystem::path path = config.data.path;
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

/// V and accuracy of the same control at finer steps.
void add_refinement_facts(const RefinementGap& gap, ReportData& data) {
  const auto add = [&](const RefinedRun& run) {
    data.facts.emplace_back(
        "The control under " + run.scheme,
        run.failure.empty() ? fmt::format("V = {:.4f}, {}", run.objective, percent(run.accuracy, gap.samples))
                            : run.failure);
  };
  for (const RefinedRun& run : gap.finer) {
    add(run);
  }
  if (gap.converged) {
    add(*gap.converged);
  }
}

}  // namespace

template <class T>
ReportData report_data(const Experiment<T>& e, const Control<T>& u, const RunResults& results,
                       const std::vector<EpochMetrics>& metrics, const IntegratorRegistry& integrators) {
  const ProblemDefinition<T> definition = make_definition<T>(e.config, e.train.class_count(), integrators);
  const std::vector<Index>& components = e.config.cost.components;
  const DrawnPlane plane = drawn_plane(components, e.train.feature_count());
  ReportData data;
  data.title = title_of(e.config);
  const Objective& objective = results.train.objective;
  data.facts = {{"Train accuracy", percent(results.train.accuracy.back(), e.train.size())}};
  if (results.test) {
    data.facts.emplace_back("Test accuracy", percent(results.test->accuracy.back(), e.test.size()));
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
  data.cropping = cropping_of(results);
  data.facts.emplace_back("Layers that suffice",
                          fmt::format("{} of {}", data.cropping->depth, data.cropping->layers));
  data.facts.emplace_back(
      "Epochs, seed", fmt::format("{}, {}", metrics.empty() ? 0 : metrics.back().epoch, e.config.run.seed));
  data.facts.emplace_back("Integrator", e.config.integrator.name);
  if (results.refinement) {
    add_refinement_facts(*results.refinement, data);
  }
  data.classes = e.train.classes;
  data.x_name = plane.x_name;
  data.y_name = plane.y_name;
  data.plane_note = plane.note;
  const Index points =
      dense_points(OptimalControlProblem<T>(definition, borrowed(e.train)), 4, takes_one_step(e.config));
  const std::shared_ptr<const MinimizerSet> minimizers =
      minimizers_of(e.config, e.train.class_count(),
                    loss_of(make_definition<double>(e.config, e.train.class_count(), integrators)));
  data.points = static_cast<std::size_t>(points);
  const auto measured = [&](const Dataset<T>& samples, const Measurement& at_nodes,
                            const MinimizerSet* distance) {
    if (points == 1) {
      return at_nodes;  // a second pass over all samples would give the same
    }
    OptimalControlProblem<T> problem(definition, borrowed(samples));
    return measure(problem, u, loss_of(definition), distance, points);
  };
  const Measurement train = measured(e.train, results.train, minimizers.get());
  data.times = train.times;
  data.train = split_of("train", e.train, train, definition, u, points, plane, components);
  data.examples = example_pictures("train", e.train, results.train, e.standardization);
  data.misclassified = misclassified_pictures("train", e.train, results.train, e.standardization);
  if (results.test) {
    data.test = split_of("test", e.test, measured(e.test, *results.test, nullptr), definition, u, points,
                         plane, components);
    if (auto pictures = misclassified_pictures("test", e.test, *results.test, e.standardization)) {
      data.misclassified = std::move(pictures);
    }
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
    data.certificates = certificates_of(results);
    if (results.turnpike->by_loss.entry) {
      data.entry_layer = static_cast<std::size_t>(*results.turnpike->by_loss.entry);
    }
  }
  const Index class_count = e.train.class_count();
  // In the first two of several components a minimizing line says nothing: the others move them along it.
  if (tabulated_loss(e.config) == "soft-cross-entropy" && (class_count == 2 || !plane.components)) {
    const SoftCrossEntropyGeometry geometry(class_count, e.config.cost.p_d);
    for (int y = 0; y < static_cast<int>(class_count); ++y) {
      const DrawnPlane::Point point = plane.place(geometry.minimizer(y));
      data.minimizers.push_back({point.x, point.y, plane.components});
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
      std::vector<double> target;
      for (Index i = 0; i < targets.rows(); ++i) {
        target.push_back(targets(i, c));
      }
      const DrawnPlane::Point point = plane.place(target);
      data.minimizers.push_back({point.x, point.y, false});
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
