#include "io/run_results.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "io/report_samples.hpp"
#include "turnpike/builtin_tableaus.hpp"
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
RunResults measure_nodes(const Experiment<T>& e, const Control<T>& u, const IntegratorRegistry& integrators,
                         const DistanceToMinimizers& distance) {
  RunResults results;
  const ProblemDefinition<T> definition = make_definition<T>(e.config, e.train.class_count(), integrators);
  const std::optional<ChangeBound> bound = change_bound_of(e.config, definition, u, results.uncertified);
  const ChangeBound* const change = bound ? &*bound : nullptr;
  OptimalControlProblem<T> problem(definition, borrowed(e.train));
  results.train = measure(problem, u, loss_of(definition), distance, 1, change);
  if (e.test.size() > 0) {
    OptimalControlProblem<T> test(definition, borrowed(e.test));
    results.test = measure(test, u, loss_of(definition), distance, 1, change);
  }
  return results;
}

template <class T>
RunResults analyse(const Experiment<T>& e, const Control<T>& u, const IntegratorRegistry& integrators,
                   double epsilon) {
  const Index classes = e.train.class_count();
  const ProblemDefinition<T> definition = make_definition<T>(e.config, classes, integrators);
  const ProblemDefinition<double> in_double = make_definition<double>(e.config, classes, integrators);
  const DistanceToMinimizers distance = distance_of(e.config, classes, loss_of(in_double));
  RunResults results = measure_nodes(e, u, integrators, distance);
  for (Index k = 0; k < u.intervals(); ++k) {
    results.control_norm.push_back(control_norm(u, k));
  }
  if (distance) {
    constexpr Index points = 16;
    const Index dense = dense_points(*definition.integrator, points);
    if (dense == 1) {
      results.turnpike = summarize_turnpike(results.train, results.train, epsilon);
    } else {
      OptimalControlProblem<T> problem(definition, borrowed(e.train));
      results.turnpike = summarize_turnpike(
          results.train, measure(problem, u, loss_of(definition), distance, dense), epsilon);
    }
  }
  if (tabulated_loss(e.config) == "soft-cross-entropy") {
    results.alpha = SoftCrossEntropyGeometry(classes, e.config.cost.p_d).sharp_bound(epsilon);
  }
  return results;
}

template <class T>
std::optional<ChangeBound> change_bound_of(const RunConfig& config, const ProblemDefinition<T>& definition,
                                           const Control<T>& u, std::string& why) {
  const auto& scheme = config.integrator;
  std::optional<ButcherTableau> tableau = builtin_explicit_tableau(scheme.name);
  if (!tableau) {
    why = fmt::format("no bound is proved for '{}', only for the built-in explicit Runge-Kutta methods",
                      scheme.name);
    return std::nullopt;
  }
  if (scheme.rtol || scheme.atol) {
    why = fmt::format("no bound is proved for '{}' where it chooses its steps, only for equal ones",
                      scheme.name);
    return std::nullopt;
  }
  if (config.run.precision != "float" && config.run.precision != "double") {
    why = fmt::format("no bound is proved for run.precision = {}, only for float and double",
                      config.run.precision);
    return std::nullopt;
  }
  ChangeBoundNetwork network;
  network.grid = definition.grid;
  network.tableau = *std::move(tableau);
  network.substeps = scheme.substeps.value_or(1);
  network.inner = activation_from_name(config.field.activation);
  network.outer = activation_from_name(config.field.outer_activation);
  network.components = config.cost.components;
  return ChangeBound(u, network);
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

template <class T>
RefinementGap measured_refinement(const Experiment<T>& e, const Control<T>& u,
                                  const IntegratorRegistry& integrators) {
  const ProblemDefinition<double> definition =
      make_definition<double>(e.config, e.train.class_count(), integrators);
  Control<double> in_double(u.layout(), u.intervals());
  std::copy(u.values().begin(), u.values().end(), in_double.values().begin());
  const IntegratorOptions options = integrator_options(e.config);
  const Index samples = refinement_samples(definition, options, e.train.size());
  return refinement_gap(definition, options,
                        cast<double>(samples_at(e.train, evenly_picked(e.train.size(), samples))), in_double,
                        integrators);
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
          {"taylor_slope",
           check.slope_measured ? nlohmann::ordered_json(check.taylor_slope) : nlohmann::ordered_json()}};
}

std::string refinement_text(const RefinementGap& gap) {
  const std::optional<double> relative = gap.relative();
  if (!relative) {
    return gap.skipped.empty() ? "none: no finer run succeeded" : "none: " + gap.skipped;
  }
  const bool solved = gap.converged && gap.converged->failure.empty();
  const auto last = std::find_if(gap.finer.rbegin(), gap.finer.rend(),
                                 [](const RefinedRun& run) { return run.failure.empty(); });
  const RefinedRun& finest = solved ? *gap.converged : *last;
  return fmt::format(
      "V is {:.4g} under {} where it is {:.4g} under its own {}, accuracy {:.2f} % and {:.2f} %",
      finest.objective, finest.scheme, gap.own.objective, gap.own.scheme, 100 * finest.accuracy,
      100 * gap.own.accuracy);
}

nlohmann::ordered_json refinement_json(const RefinementGap& gap) {
  const auto row = [](const RefinedRun& run) {
    nlohmann::ordered_json result = {{"scheme", run.scheme}};
    if (run.failure.empty()) {
      result["objective"] = run.objective;
      result["terminal_loss"] = run.terminal_loss;
      result["accuracy"] = run.accuracy;
    } else {
      result["failure"] = run.failure;
    }
    return result;
  };
  nlohmann::ordered_json result = {{"samples", gap.samples}, {"own", row(gap.own)}};
  result["finer"] = nlohmann::ordered_json::array();
  for (const RefinedRun& run : gap.finer) {
    result["finer"].push_back(row(run));
  }
  if (!gap.skipped.empty()) {
    result["skipped"] = gap.skipped;
  }
  result["converged"] = gap.converged ? row(*gap.converged) : nlohmann::ordered_json();
  const std::optional<double> relative = gap.relative();
  result["gap"] = relative ? nlohmann::ordered_json(*relative) : nlohmann::ordered_json();
  return result;
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
  const Cropping cropping = cropping_of(results);
  summary["crop"] = {
      {"layers", cropping.depth},
      {"tolerance", cropping.tolerance},
      {"accuracy_train", results.train.accuracy[cropping.depth]},
      {"accuracy_test", results.test ? nlohmann::ordered_json(results.test->accuracy[cropping.depth])
                                     : nlohmann::ordered_json()},
      {"certified_layers", cropping.certified_depth ? nlohmann::ordered_json(*cropping.certified_depth)
                                                    : nlohmann::ordered_json()}};
  if (!results.uncertified.empty()) {
    summary["crop"]["uncertified"] = results.uncertified;
  }
  if (results.refinement) {
    summary["refinement"] = refinement_json(*results.refinement);
  }
  return summary;
}

template RunResults measure_nodes(const Experiment<float>&, const Control<float>&, const IntegratorRegistry&,
                                  const DistanceToMinimizers&);
template RunResults measure_nodes(const Experiment<double>&, const Control<double>&,
                                  const IntegratorRegistry&, const DistanceToMinimizers&);
template std::optional<ChangeBound> change_bound_of(const RunConfig&, const ProblemDefinition<float>&,
                                                    const Control<float>&, std::string&);
template std::optional<ChangeBound> change_bound_of(const RunConfig&, const ProblemDefinition<double>&,
                                                    const Control<double>&, std::string&);
template RefinementGap measured_refinement(const Experiment<float>&, const Control<float>&,
                                           const IntegratorRegistry&);
template RefinementGap measured_refinement(const Experiment<double>&, const Control<double>&,
                                           const IntegratorRegistry&);
template RunResults analyse(const Experiment<float>&, const Control<float>&, const IntegratorRegistry&,
                            double);
template RunResults analyse(const Experiment<double>&, const Control<double>&, const IntegratorRegistry&,
                            double);

}  // namespace turnpike
