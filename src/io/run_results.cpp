#include "io/run_results.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "io/report_samples.hpp"
#include "turnpike/builtin_tableaus.hpp"
#include "turnpike/error.hpp"

namespace turnpike {

bool takes_one_step(const RunConfig& config) {
  const auto& scheme = config.integrator;
  return !scheme.rtol && !scheme.atol && scheme.substeps.value_or(1) == 1;
}

const std::string& tabulated_loss(const RunConfig& config) {
  return config.cost.stage != "none" ? config.cost.stage : config.cost.terminal;
}

namespace {

template <class T>
const Cost<T>& loss_of(const ProblemDefinition<T>& definition) {
  return definition.running ? *definition.running : *definition.terminal;
}

void tell(const PhaseObserver& phase, Index layers, const char* where, Index samples, const char* split) {
  if (phase) {
    phase(fmt::format("measuring all {} {} on {} {} samples", layers, where, samples, split));
  }
}

}  // namespace

std::shared_ptr<const MinimizerSet> minimizers_of(const RunConfig& config, Index class_count,
                                                  const Cost<double>& loss) {
  const std::string& kind = tabulated_loss(config);
  if (kind == "cross-entropy") {
    return nullptr;
  }
  if (kind == "soft-cross-entropy") {
    return soft_cross_entropy_minimizers(class_count, config.cost.p_d);
  }
  State<double> targets(loss.rows(), class_count);
  std::vector<int> classes(static_cast<std::size_t>(class_count));
  std::iota(classes.begin(), classes.end(), 0);
  loss.make_targets(classes, tile_of(targets));
  return quadratic_minimizers(std::move(targets));
}

template <class T>
RunResults measure_nodes(const Experiment<T>& e, const Control<T>& u, const IntegratorRegistry& integrators,
                         const MinimizerSet* minimizers, const PhaseObserver& phase) {
  RunResults results;
  const ProblemDefinition<T> definition = make_definition<T>(e.config, e.train.class_count(), integrators);
  const std::optional<ChangeBound> bound = change_bound_of(e.config, definition, u, results.uncertified);
  const ChangeBound* const change = bound ? &*bound : nullptr;
  OptimalControlProblem<T> problem(definition, borrowed(e.train));
  tell(phase, u.intervals(), "layers", e.train.size(), "training");
  results.train = measure(problem, u, loss_of(definition), minimizers, 1, change);
  if (e.test.size() > 0) {
    tell(phase, u.intervals(), "layers", e.test.size(), "test");
    OptimalControlProblem<T> test(definition, borrowed(e.test));
    results.test = measure(test, u, loss_of(definition), minimizers, 1, change);
  }
  return results;
}

template <class T>
RunResults analyse(const Experiment<T>& e, const Control<T>& u, const IntegratorRegistry& integrators,
                   double epsilon, const PhaseObserver& phase) {
  const Index classes = e.train.class_count();
  const ProblemDefinition<T> definition = make_definition<T>(e.config, classes, integrators);
  const ProblemDefinition<double> in_double = make_definition<double>(e.config, classes, integrators);
  const std::shared_ptr<const MinimizerSet> minimizers = minimizers_of(e.config, classes, loss_of(in_double));
  RunResults results = measure_nodes(e, u, integrators, minimizers.get(), phase);
  for (Index k = 0; k < u.intervals(); ++k) {
    results.control_norm.push_back(control_norm(u, k));
  }
  if (!minimizers) {
    return results;
  }
  OptimalControlProblem<T> problem(definition, borrowed(e.train));
  const Index points = dense_points(problem, 16, takes_one_step(e.config));
  if (points > 1) {
    tell(phase, u.intervals(), "layers and between them", e.train.size(), "training");
  }
  const Measurement dense =
      points == 1 ? results.train : measure(problem, u, loss_of(definition), minimizers.get(), points);
  results.turnpike = summarize_turnpike(results.train, dense, epsilon);
  std::vector<double> levels = {epsilon};
  levels.insert(levels.end(), std::begin(epsilon_ladder), std::end(epsilon_ladder));
  results.ladder = certify(results.train, dense, results.control_norm, e.config.cost.r, *minimizers, levels);
  results.certificate = results.ladder.front();
  results.ladder.erase(results.ladder.begin());
  results.slack = dissipation_slack(results.train, *minimizers);
  for (std::size_t k = 0; k < results.train.times.size(); ++k) {
    const std::vector<double>& row = results.train.distances[k];
    const double norm = k < results.control_norm.size() ? results.control_norm[k] : 0;
    results.joint_distance.push_back(
        std::sqrt(std::inner_product(row.begin(), row.end(), row.begin(), norm * norm)));
  }
  if (e.config.cost.stage == "soft-cross-entropy") {
    const double gamma = e.config.cost.terminal == "none" ? 0 : e.config.cost.gamma;
    // In time u_k and the line from x_k to x_{k+1} have to stay below the envelope until t_{k+1}.
    std::vector<double> ends;
    std::vector<double> farthest;
    const std::vector<double>& times = results.train.times;
    for (std::size_t k = 0; k + 1 < times.size(); ++k) {
      const double norm = results.control_norm[k];
      const auto state = [&](std::size_t node) {
        const std::vector<double>& row = results.train.distances[node];
        return std::inner_product(row.begin(), row.end(), row.begin(), norm * norm);
      };
      ends.push_back(times[k + 1]);
      farthest.push_back(std::sqrt(std::max(state(k), state(k + 1))));
    }
    results.reachability = {
        geometric_envelope(results.joint_distance, e.train.size(), gamma, e.config.cost.r),
        exponential_envelope(ends, farthest, e.train.size(), gamma, e.config.cost.r)};
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
  network.components = config.cost.components;
  return ChangeBound(*definition.field, u, network);
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
                   "control_norm",
                   "dissipation_slack",
                   "dissipation_slack_mean"};
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
    row.push_back(results.slack ? Cell(results.slack->least[k]) : Cell());
    row.push_back(results.slack ? Cell(results.slack->mean[k]) : Cell());
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

template RunResults measure_nodes(const Experiment<float>&, const Control<float>&, const IntegratorRegistry&,
                                  const MinimizerSet*, const PhaseObserver&);
template RunResults measure_nodes(const Experiment<double>&, const Control<double>&,
                                  const IntegratorRegistry&, const MinimizerSet*, const PhaseObserver&);
template std::optional<ChangeBound> change_bound_of(const RunConfig&, const ProblemDefinition<float>&,
                                                    const Control<float>&, std::string&);
template std::optional<ChangeBound> change_bound_of(const RunConfig&, const ProblemDefinition<double>&,
                                                    const Control<double>&, std::string&);
template RefinementGap measured_refinement(const Experiment<float>&, const Control<float>&,
                                           const IntegratorRegistry&);
template RefinementGap measured_refinement(const Experiment<double>&, const Control<double>&,
                                           const IntegratorRegistry&);
template RunResults analyse(const Experiment<float>&, const Control<float>&, const IntegratorRegistry&,
                            double, const PhaseObserver&);
template RunResults analyse(const Experiment<double>&, const Control<double>&, const IntegratorRegistry&,
                            double, const PhaseObserver&);

}  // namespace turnpike
