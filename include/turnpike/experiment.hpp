#pragma once

#include <cstdint>
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

/// A configuration with its data in precision T: everything resolved, nothing left to defaults.
template <class T>
struct Experiment {
  RunConfig config;  ///< field.state, control.horizon and cost.components are filled in
  Dataset<T> train;  ///< standardized if asked for
  Dataset<T> test;   ///< may be empty (size 0)
  Standardization standardization;
  /// Of features and labels as they were read, before they were standardized; 0 for generated samples. Other
  /// samples have another number, as good as surely.
  std::uint64_t fingerprint = 0;

  [[nodiscard]] ModelInfo model_info() const;
};

/// Loads the data that `config` names and fills in what depends on them. Throws InputError for data or values
/// that do not fit. T need not be run.precision.
template <class T = double>
Experiment<T> load_experiment(const RunConfig& config);

/// The experiment of a stored model: the model's own classes and standardization are used. With `data` the
/// samples come from there instead: for a model of mnist from that directory, training and test samples; of
/// idx from that file of images, with data.labels; of another from that CSV file (both as `train`, no test
/// samples).
template <class T = double>
Experiment<T> load_experiment(const ModelInfo& model, const std::filesystem::path& data = {});

/// `data` for a problem that does not outlive them.
template <class T>
[[nodiscard]] std::shared_ptr<const Dataset<T>> borrowed(const Dataset<T>& data) {
  return {std::shared_ptr<void>(), &data};
}

/// Whether the field is continuously differentiable, so that differences can confirm its gradient.
bool has_smooth_activations(const RunConfig& config);

/// What the section [integrator] asks of a scheme.
IntegratorOptions integrator_options(const RunConfig& config);

/// The problem (5)/(20) of a resolved configuration, without its data.
template <class T>
ProblemDefinition<T> make_definition(const RunConfig& config, Index classes,
                                     const IntegratorRegistry& integrators);

/// The control from which training starts, by control.initialization and run.seed. Float and double hold the
/// same numbers up to rounding.
template <class T>
Control<T> initial_control(const RunConfig& config, const ProblemDefinition<T>& definition);

/// The trainer's options. The seed is run.seed.
TrainerOptions trainer_options(const RunConfig& config);

}  // namespace turnpike
