#include "io/run_results.hpp"

#include <fmt/format.h>
#include <algorithm>
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

namespace {

/// The network of which a bound of the change is proved. Where none is, nothing, and `why` says so.
std::optional<ChangeBoundNetwork> network_of(const RunConfig& config, const TimeGrid& grid,
                                             std::string& why) {
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
  return ChangeBoundNetwork{.grid = grid,
                            .tableau = *std::move(tableau),
                            .substeps = scheme.substeps.value_or(1),
                            .components = config.cost.components};
}

/// `u` without minimizers.
template <class T>
TrainedControl<T> trained_control(const Experiment<T>& e, const Control<T>& u,
                                  const IntegratorRegistry& integrators) {
  TrainedControl<T> trained;
  trained.u = u;
  trained.definition = make_definition<T>(e.config, e.train.class_count(), integrators);
  trained.train = borrowed(e.train);
  if (e.test.size() > 0) {
    trained.test = borrowed(e.test);
  }
  trained.soft_cross_entropy = e.config.cost.stage == "soft-cross-entropy";
  trained.one_step = takes_one_step(e.config);
  trained.change_bound = network_of(e.config, trained.definition.grid, trained.uncertified);
  return trained;
}

}  // namespace

template <class T>
RunResults analyse(const Experiment<T>& e, const Control<T>& u, const IntegratorRegistry& integrators,
                   double epsilon, const PhaseObserver& phase) {
  const Index classes = e.train.class_count();
  TrainedControl<T> trained = trained_control(e, u, integrators);
  trained.minimizers =
      minimizers_of(e.config, classes, loss_of(make_definition<double>(e.config, classes, integrators)));
  return analyse_control(trained, epsilon, phase);
}

template <class T>
RunResults measure_nodes(const Experiment<T>& e, const Control<T>& u, const IntegratorRegistry& integrators) {
  return measure_control(trained_control(e, u, integrators));
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

#define TURNPIKE_INSTANTIATE(T)                                                                           \
  template RunResults analyse(const Experiment<T>&, const Control<T>&, const IntegratorRegistry&, double, \
                              const PhaseObserver&);                                                      \
  template RunResults measure_nodes(const Experiment<T>&, const Control<T>&, const IntegratorRegistry&);  \
  template RefinementGap measured_refinement(const Experiment<T>&, const Control<T>&,                     \
                                             const IntegratorRegistry&);

TURNPIKE_INSTANTIATE(float)
TURNPIKE_INSTANTIATE(double)

}  // namespace turnpike
