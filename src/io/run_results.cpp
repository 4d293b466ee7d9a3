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
RunResults analyse(const Experiment<T>& e, const Control<T>& u, const IntegratorRegistry& integrators,
                   double epsilon) {
  RunResults results;
  const Index classes = e.train.class_count();
  const ProblemDefinition<T> definition = make_definition<T>(e.config, classes, integrators);
  const ProblemDefinition<double> in_double = make_definition<double>(e.config, classes, integrators);
  const std::shared_ptr<const MinimizerSet> minimizers = minimizers_of(e.config, classes, loss_of(in_double));
  OptimalControlProblem<T> problem(definition, borrowed(e.train));
  results.train = measure(problem, u, loss_of(definition), minimizers.get());
  if (e.test.size() > 0) {
    OptimalControlProblem<T> test(definition, borrowed(e.test));
    results.test = measure(test, u, loss_of(definition), minimizers.get());
  }
  for (Index k = 0; k < u.intervals(); ++k) {
    results.control_norm.push_back(control_norm(u, k));
  }
  if (!minimizers) {
    return results;
  }
  const Index points = dense_points(problem, 16);
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
    results.reachability = {
        geometric_envelope(results.joint_distance, e.train.size(), gamma, e.config.cost.r),
        exponential_envelope(results.train.times, results.joint_distance, e.train.size(), gamma,
                             e.config.cost.r)};
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

namespace {

/// A bound, or null for an infinite one.
nlohmann::ordered_json number(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
}

nlohmann::ordered_json certified_json(const Certified& c) {
  return {{"measured", c.measured}, {"sharp", number(c.sharp)}, {"plain", number(c.plain)}};
}

nlohmann::ordered_json distance_json(const CertifiedDistance& d) {
  return {{"alpha", d.alpha}, {"layers", certified_json(d.layers)}, {"time", certified_json(d.time)}};
}

nlohmann::ordered_json certificate_json(const Certificate& c) {
  return {{"epsilon", c.epsilon},
          {"sample", distance_json(c.sample)},
          {"root_mean_square", distance_json(c.root_mean_square)},
          {"stacked", distance_json(c.stacked)},
          {"root_mean_square_with_control", distance_json(c.root_mean_square_with_control)},
          {"stacked_with_control", distance_json(c.stacked_with_control)}};
}

/// The envelopes with the bounds of Prop. 12 and 16 that follow from them: V̂ over what a layer outside ε
/// costs at least.
nlohmann::ordered_json reachability_json(const RunConfig& config, const RunResults& results) {
  const RunResults::Reachability& reach = *results.reachability;
  nlohmann::ordered_json layers = {{"beta", reach.layers.beta},
                                   {"rho", reach.layers.rho},
                                   {"value_bound", number(reach.layers.value_bound)}};
  nlohmann::ordered_json time = {
      {"beta", reach.time.beta}, {"rate", reach.time.rho}, {"value_bound", number(reach.time.value_bound)}};
  const Certificate& c = *results.certificate;
  const auto bounds = [&](double value_bound, Certified CertifiedDistance::*part) {
    return nlohmann::ordered_json{
        {"sample",
         {{"measured", (c.sample.*part).measured}, {"bound", number(value_bound / c.sample.alpha)}}},
        {"stacked_with_control",
         {{"measured", (c.stacked_with_control.*part).measured},
          {"bound", number(value_bound / c.stacked_with_control.alpha)}}}};
  };
  layers["outside"] = bounds(reach.layers.value_bound, &CertifiedDistance::layers);
  time["outside"] = bounds(reach.time.value_bound, &CertifiedDistance::time);
  return {{"observed_layers", config.control.intervals},
          {"epsilon", c.epsilon},
          {"layers", layers},
          {"time", time}};
}

}  // namespace

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
    const Certificate& c = *results.certificate;
    summary["turnpike"].update({{"certified_outside", number(c.sample.layers.sharp)},
                                {"certified_outside_plain", number(c.sample.layers.plain)},
                                {"theta_certified", number(c.sample.time.sharp)},
                                {"theta_certified_plain", number(c.sample.time.plain)},
                                {"alpha", c.sample.alpha},
                                {"least_dissipation_slack", *std::min_element(results.slack->least.begin(),
                                                                              results.slack->least.end())}});
    summary["certificates"] = nlohmann::ordered_json::array();
    for (const Certificate& level : results.ladder) {
      summary["certificates"].push_back(certificate_json(level));
    }
  }
  if (results.reachability) {
    summary["reachability"] = reachability_json(config, results);
  }
  return summary;
}

template RunResults analyse(const Experiment<float>&, const Control<float>&, const IntegratorRegistry&,
                            double);
template RunResults analyse(const Experiment<double>&, const Control<double>&, const IntegratorRegistry&,
                            double);

}  // namespace turnpike
