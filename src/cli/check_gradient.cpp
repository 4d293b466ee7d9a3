#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/gradient.hpp"
#include "cli/tell.hpp"
#include "io/run_results.hpp"
#include "io/text_file.hpp"
#include "turnpike/error.hpp"

namespace turnpike::cli {

namespace {

/// The objective, its gradient, and the control at which they were taken (its tensors prefixed "control.").
Safetensors exported(OptimalControlProblem<double>& problem, const Control<double>& u) {
  Control<double> gradient = problem.zero_control();
  const Objective objective = problem.value_and_gradient(u, gradient);
  if (!objective.status.ok()) {
    throw NumericalError("the gradient cannot be exported: " + objective.status.message());
  }
  Safetensors contents;
  contents.tensors.push_back(make_tensor("objective", {}, std::vector<double>{objective.total()}));
  for (Tensor& tensor : control_tensors(gradient)) {
    contents.tensors.push_back(std::move(tensor));
  }
  for (Tensor& tensor : control_tensors(u)) {
    tensor.name = "control." + tensor.name;
    contents.tensors.push_back(std::move(tensor));
  }
  return contents;
}

}  // namespace

int check_gradient(const CheckGradientOptions& options, const IntegratorRegistry& integrators) {
  refuse_precision(options.overrides, "check-gradient");
  Experiment<double> e;
  std::optional<StoredModel> model;
  if (names_model(options.subject)) {
    model = load_model(options.subject);
    e = load_experiment<double>(model_info(*model, options.overrides, ModelUse::gradients),
                                options.overrides.data);
  } else {
    RunConfig config = source_config(options.subject, options.overrides);
    config.control.initialization = "uniform";  // with a second layer of zeros most entries would vanish
    e = load_experiment<double>(config);
  }
  e = small_experiment(std::move(e));
  const ProblemDefinition<double> definition =
      make_definition<double>(e.config, e.train.class_count(), integrators);
  const Control<double> u = model ? model->control(definition) : initial_control(e.config, definition);
  Phases phases(true);
  GradientCheckOptions thoroughness;
  thoroughness.progress = differences_told_by(phases);
  GradientCheckReport result = check_experiment(e.config, e.train, u, thoroughness, integrators);
  constexpr Index few = 16;
  if (result.undecided && e.train.size() > few) {
    phases.end();
    tell(
        "turnpike: {} of {} differences pass a kink of the activation at every step size; the first {} "
        "samples, with fewer kinks, are checked instead\n",
        result.across_kinks, result.differences, few);
    result = check_experiment(e.config, first_samples(e.train, few), u, thoroughness, integrators);
  }
  phases.end();
  if (!options.export_file.empty()) {
    OptimalControlProblem<double> problem(definition, e.train);
    write_safetensors(options.export_file, exported(problem, u));
  }
  if (!options.export_data.empty()) {
    write_file_atomically(options.export_data, to_csv(e.train));
  }
  if (options.json) {
    fmt::print("{}\n", gradient_check_json(result).dump(2));
  } else {
    fmt::print("{}", result.full());
  }
  if (result.undecided) {
    tell(
        "turnpike: the activation has a kink, and {} of {} differences pass one at every step size and "
        "confirm no gradient; check on fewer samples or with fewer layers\n",
        result.across_kinks, result.differences);
  }
  return result.passed ? 0 : 1;
}

}  // namespace turnpike::cli
