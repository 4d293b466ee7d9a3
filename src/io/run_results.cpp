#include "io/run_results.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "turnpike/error.hpp"

namespace turnpike {

const std::string& tabulated_loss(const RunConfig& config) {
  return config.cost.stage != "none" ? config.cost.stage : config.cost.terminal;
}

namespace {

template <class T>
const Cost<T>& loss_of(const ProblemDefinition<T>& definition) {
  return definition.running ? *definition.running : *definition.terminal;
}

}  // namespace

DistanceToMinimizers distance_of(const RunConfig& config, Index class_count, const Cost<double>& loss) {
  const std::string& kind = tabulated_loss(config);
  if (kind == "cross-entropy") {
    return {};
  }
  if (kind == "soft-cross-entropy") {
    const SoftCrossEntropyGeometry geometry(class_count, config.cost.p_d);
    return [geometry](std::span<const double> x, int label) { return geometry.distance(x, label); };
  }
  // The quadratic cost is the squared distance to the target.
  State<double> targets(loss.rows(), class_count);
  std::vector<int> classes(static_cast<std::size_t>(class_count));
  for (std::size_t c = 0; c < classes.size(); ++c) {
    classes[c] = static_cast<int>(c);
  }
  loss.make_targets(classes, tile_of(targets));
  return [targets](std::span<const double> x, int label) {
    double sum = 0;
    for (std::size_t c = 0; c < x.size(); ++c) {
      const double difference = x[c] - targets(static_cast<Index>(c), label);
      sum += difference * difference;
    }
    return std::sqrt(sum);
  };
}

template <class T>
RunResults analyse(const Experiment<T>& e, const Control<T>& u, const IntegratorRegistry& integrators,
                   double epsilon, const std::function<void(const std::string&)>& phase) {
  const auto begin = [&](const char* split, Index samples, const char* where) {
    if (phase) {
      phase(fmt::format("measuring all {} {} on {} {} samples", u.intervals(), where, samples, split));
    }
  };
  RunResults results;
  const Index classes = e.train.class_count();
  const ProblemDefinition<T> definition = make_definition<T>(e.config, classes, integrators);
  const ProblemDefinition<double> in_double = make_definition<double>(e.config, classes, integrators);
  const DistanceToMinimizers distance = distance_of(e.config, classes, loss_of(in_double));
  OptimalControlProblem<T> problem(definition, borrowed(e.train));
  begin("training", e.train.size(), "layers");
  results.train = measure(problem, u, loss_of(definition), distance);
  if (e.test.size() > 0) {
    begin("test", e.test.size(), "layers");
    OptimalControlProblem<T> test(definition, borrowed(e.test));
    results.test = measure(test, u, loss_of(definition), distance);
  }
  for (Index k = 0; k < u.intervals(); ++k) {
    results.control_norm.push_back(control_norm(u, k));
  }
  if (distance) {
    constexpr Index points = 16;
    const Index dense = dense_points(*definition.integrator, points);
    if (dense > 1) {
      begin("training", e.train.size(), "layers and between them");
    }
    results.turnpike = summarize_turnpike(
        results.train, dense == 1 ? results.train : measure(problem, u, loss_of(definition), distance, dense),
        epsilon);
  }
  if (tabulated_loss(e.config) == "soft-cross-entropy") {
    results.alpha = SoftCrossEntropyGeometry(classes, e.config.cost.p_d).sharp_bound(epsilon);
  }
  return results;
}

LayerTable layer_table(const RunResults& results) {
  using Cell = std::optional<double>;
  const Measurement& m = results.train;
  const std::vector<double> rms = root_mean_square(m.distances);
  const auto mean = [](const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  };
  LayerTable table;
  table.columns = {"k",
                   "t",
                   "loss_train",
                   "loss_test",
                   "accuracy_train",
                   "accuracy_test",
                   "distance_mean",
                   "distance_rms",
                   "distance_max",
                   "distance_q10",
                   "distance_q50",
                   "distance_q90",
                   "distance_mean_test",
                   "control_norm"};
  for (std::size_t k = 0; k < m.times.size(); ++k) {
    std::vector<Cell> row = {static_cast<double>(k),
                             m.times[k],
                             m.loss[k],
                             results.test ? Cell(results.test->loss[k]) : Cell(),
                             m.accuracy[k],
                             results.test ? Cell(results.test->accuracy[k]) : Cell()};
    if (m.distances.empty()) {
      row.resize(row.size() + 6);
    } else {
      const std::vector<double>& d = m.distances[k];
      row.insert(row.end(),
                 {mean(d), rms[k], quantile(d, 1), quantile(d, 0.1), quantile(d, 0.5), quantile(d, 0.9)});
    }
    const bool test_distances = results.test && !results.test->distances.empty();
    row.push_back(test_distances ? Cell(mean(results.test->distances[k])) : Cell());
    row.push_back(k < results.control_norm.size() ? Cell(results.control_norm[k]) : Cell());
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string LayerTable::csv() const {
  std::string text = fmt::format("{}\n", fmt::join(columns, ","));
  for (const auto& row : rows) {
    std::vector<std::string> fields;
    fields.reserve(row.size());
    for (const std::optional<double>& cell : row) {
      fields.push_back(cell ? fmt::format("{}", *cell) : std::string());
    }
    text += fmt::format("{}\n", fmt::join(fields, ","));
  }
  return text;
}

nlohmann::ordered_json LayerTable::json() const {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const auto& row : rows) {
    nlohmann::ordered_json entry;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (row[i]) {
        entry[columns[i]] = *row[i];
      }
    }
    list.push_back(std::move(entry));
  }
  return list;
}

nlohmann::ordered_json gradient_check_json(const GradientCheckReport& check) {
  return {{"passed", check.passed},
          {"gradient_norm", check.gradient_norm},
          {"difference_error", check.difference_error},
          {"resolution", check.resolution},
          {"central_error", check.central_error},
          {"coordinate_error", check.coordinate_error},
          {"differences", check.differences},
          {"left_out_at_kinks", check.across_kinks},
          {"taylor_slope",
           check.slope_measured ? nlohmann::ordered_json(check.taylor_slope) : nlohmann::ordered_json()}};
}

nlohmann::ordered_json summary_json(const RunConfig& config, const RunResults& results) {
  const auto index = [](const std::optional<Index>& k) {
    return k ? nlohmann::ordered_json(*k) : nlohmann::ordered_json();
  };
  const Objective& objective = results.train.objective;
  nlohmann::ordered_json summary;
  summary["accuracy_train"] = results.train.accuracy.back();
  summary["accuracy_test"] =
      results.test ? nlohmann::ordered_json(results.test->accuracy.back()) : nlohmann::ordered_json();
  summary["objective"] = objective.total();
  summary["objective_terms"] = {
      {"running", objective.running}, {"control", objective.control}, {"terminal", objective.terminal}};
  summary["seed"] = config.run.seed;
  summary["precision"] = config.run.precision;
  summary["threads"] = config.run.threads;
  summary["integrator"] = config.integrator.name;
  summary["layers"] = config.control.intervals;
  if (results.turnpike) {
    const TurnpikeSummary& s = *results.turnpike;
    summary["turnpike"] = {{"epsilon", s.epsilon},
                           {"entry_layer", index(s.by_loss.entry)},
                           {"leaving_layer", index(s.by_loss.leaving)},
                           {"entry_layer_distance", index(s.by_distance.entry)},
                           {"layers_inside", s.layers_inside},
                           {"measured_outside", s.measured_outside},
                           {"theta_measure", s.theta_measure},
                           {"theta_measure_max", s.theta_measure_max},
                           {"final_mean_distance", s.final_mean_distance},
                           {"final_max_distance", s.final_max_distance}};
    if (results.alpha) {
      summary["turnpike"]["alpha"] = *results.alpha;
    }
  }
  return summary;
}

template RunResults analyse(const Experiment<float>&, const Control<float>&, const IntegratorRegistry&,
                            double, const std::function<void(const std::string&)>&);
template RunResults analyse(const Experiment<double>&, const Control<double>&, const IntegratorRegistry&,
                            double, const std::function<void(const std::string&)>&);

}  // namespace turnpike
