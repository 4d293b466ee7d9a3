#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "turnpike/config.hpp"
#include "turnpike/dataset_file.hpp"
#include "turnpike/model_file.hpp"
#include "turnpike/problem.hpp"
#include "turnpike/trainer.hpp"

namespace turnpike {

/// A configuration with its data: everything resolved, nothing left to defaults.
struct Experiment {
  RunConfig config;       ///< field.state, control.horizon and cost.components are filled in
  Dataset<double> train;  ///< standardized if asked for
  Dataset<double> test;   ///< may be empty (size 0)
  Standardization standardization;

  [[nodiscard]] ModelInfo model_info() const;
};

/// Loads the data that `config` names and fills in what depends on them. Throws InputError for data or values
/// that do not fit.
Experiment load_experiment(const RunConfig& config);

/// The experiment of a stored model: the model's own classes and standardization are used. With `data` the
/// samples come from that CSV file instead (as `train`; no test samples).
Experiment load_experiment(const ModelInfo& model, const std::filesystem::path& data = {});

/// Whether the field is continuously differentiable, so that differences can confirm its gradient.
bool has_smooth_activations(const RunConfig& config);

/// What the section [integrator] asks of a scheme.
IntegratorOptions integrator_options(const RunConfig& config);

/// The problem (5)/(20) of a resolved configuration, without its data.
template <class T>
ProblemDefinition<T> make_definition(const RunConfig& config, Index classes,
                                     const IntegratorRegistry& integrators);

/// `data` in precision T.
template <class T>
Dataset<T> cast(const Dataset<double>& data);

/// The control from which training starts, by control.initialization and run.seed. Float and double hold the
/// same numbers up to rounding.
template <class T>
Control<T> initial_control(const RunConfig& config, const ProblemDefinition<T>& definition);

/// The trainer's options. The seed is run.seed.
TrainerOptions trainer_options(const RunConfig& config);

}  // namespace turnpike
