#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "io/precision.hpp"
#include "io/text_file.hpp"
#include "turnpike/error.hpp"

namespace turnpike::cli {

namespace {

/// What is reported of one split.
struct Evaluation {
  std::string name;
  Index samples = 0;
  Objective objective;
  double loss = 0;  ///< mean terminal loss without γ, or the stage loss where there is no terminal one
  double accuracy = 0;
  std::vector<int> predicted;
  State<double> outputs;  ///< the loss components at the last layer, C×D
};

template <class T>
Evaluation evaluate_split(const std::string& name, const Dataset<T>& data, const Experiment<T>& e,
                          const StoredModel& model, const IntegratorRegistry& integrators) {
  const ProblemDefinition<T> definition = make_definition<T>(e.config, e.train.class_count(), integrators);
  const Control<T> u = model.control(definition);
  OptimalControlProblem<T> problem(definition, borrowed(data));
  Evaluation result;
  result.name = name;
  result.samples = data.size();
  // Of the last node only the loss components are kept: the first rows of a state for costs.
  const std::vector<Index>& components = e.config.cost.components;
  const Index last = definition.grid.intervals();
  State<T> X(*std::max_element(components.begin(), components.end()) + 1, data.size());
  result.objective = problem.visit_states(u, [&](Index k, Index first, ConstTile<T> tile) {
    if (k == last) {
      X.middleCols(first, tile.columns) = matrix(tile).topRows(X.rows());
    }
  });
  if (!result.objective.status.ok()) {
    throw NumericalError(fmt::format("on the {} samples {}", name, result.objective.status.message()));
  }
  const Cost<T>& loss = definition.terminal ? *definition.terminal : *definition.running;
  double sum = 0;
  for (const double value : sample_losses<T>(loss, tile_of(X), data.labels)) {
    sum += value;
  }
  result.loss = sum / static_cast<double>(data.size());
  result.predicted = predicted_classes<T>(tile_of(X), e.config.cost.components);
  Index right = 0;
  for (std::size_t d = 0; d < result.predicted.size(); ++d) {
    right += result.predicted[d] == data.labels[d] ? 1 : 0;
  }
  result.accuracy = static_cast<double>(right) / static_cast<double>(data.size());
  result.outputs.resize(e.train.class_count(), data.size());
  for (Index c = 0; c < result.outputs.rows(); ++c) {
    result.outputs.row(c) =
        X.row(e.config.cost.components[static_cast<std::size_t>(c)]).template cast<double>();
  }
  return result;
}

/// Header: split, sample, label, predicted, then the softmax probability of each class.
template <class T>
std::string predictions_csv(const Experiment<T>& e, const std::vector<Evaluation>& evaluations) {
  std::string text = "split,sample,label,predicted";
  for (const std::string& name : e.train.classes) {
    text += ",p_" + csv_field(name);
  }
  text += "\n";
  for (const Evaluation& part : evaluations) {
    const Dataset<T>& data = part.name == "test" ? e.test : e.train;
    for (Index d = 0; d < part.samples; ++d) {
      const auto at = static_cast<std::size_t>(d);
      text += fmt::format("{},{},{},{}", part.name, d,
                          csv_field(e.train.classes[static_cast<std::size_t>(data.labels[at])]),
                          csv_field(e.train.classes[static_cast<std::size_t>(part.predicted[at])]));
      const Eigen::ArrayXd shifted = part.outputs.col(d).array() - part.outputs.col(d).maxCoeff();
      const double sum = shifted.exp().sum();
      for (Index c = 0; c < shifted.size(); ++c) {
        text += fmt::format(",{:.9g}", std::exp(shifted(c)) / sum);
      }
      text += "\n";
    }
  }
  return text;
}

}  // namespace

int evaluate(const EvaluateOptions& options, const IntegratorRegistry& integrators) {
  const StoredModel model = load_model(options.model);
  ModelInfo info = model_info(model, options.overrides, ModelUse::states);
  settle_precision(info.config, integrators);
  const std::vector<Evaluation> evaluations = with_precision(info.config, [&]<class T>() {
    const Experiment<T> e = load_experiment<T>(info, options.overrides.data);
    const bool whole = options.overrides.data.empty() || e.test.size() > 0;
    std::vector<Evaluation> parts{evaluate_split(whole ? "train" : "data", e.train, e, model, integrators)};
    if (e.test.size() > 0) {
      parts.push_back(evaluate_split("test", e.test, e, model, integrators));
    }
    if (!options.predictions.empty()) {
      write_file_atomically(options.predictions, predictions_csv(e, parts));
    }
    return parts;
  });
  if (options.json) {
    nlohmann::ordered_json result = {{"integrator", info.config.integrator.name},
                                     {"trained_with", model.info.config.integrator.name}};
    for (const Evaluation& part : evaluations) {
      result[part.name] = {{"samples", part.samples},
                           {"accuracy", part.accuracy},
                           {"loss", part.loss},
                           {"objective", part.objective.total()},
                           {"objective_terms",
                            {{"running", part.objective.running},
                             {"control", part.objective.control},
                             {"terminal", part.objective.terminal}}}};
    }
    fmt::print("{}\n", result.dump(2));
    return 0;
  }
  const RunConfig& trained = model.info.config;
  const bool known = [&] {
    const std::vector<std::string> names = integrators.names();
    return std::find(names.begin(), names.end(), trained.integrator.name) != names.end();
  }();
  fmt::print("integrator {} (trained with {})\n", scheme_text(info.config, integrators),
             known ? scheme_text(trained, integrators) : trained.integrator.name);
  fmt::print("{:<6} {:>8} {:>10} {:>12} {:>12} {:>12} {:>12} {:>12}\n", "", "samples", "accuracy", "loss",
             "objective", "running", "control", "terminal");
  for (const Evaluation& part : evaluations) {
    const Objective& V = part.objective;
    fmt::print("{:<6} {:>8} {:>8.2f} % {:>12.6g} {:>12.6g} {:>12.6g} {:>12.6g} {:>12.6g}\n", part.name,
               part.samples, 100 * part.accuracy, part.loss, V.total(), V.running, V.control, V.terminal);
  }
  return 0;
}

}  // namespace turnpike::cli
