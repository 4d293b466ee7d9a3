#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "turnpike/config.hpp"
#include "turnpike/experiment.hpp"
#include "turnpike/model_file.hpp"

namespace turnpike::cli {

/// What several commands let the user change of a configuration.
struct Overrides {
  std::string data;               ///< --data
  std::string integrator;         ///< --integrator
  std::string adjoint;            ///< --adjoint
  std::vector<std::string> keys;  ///< --set section.key=value
  int threads = 0;                ///< --threads; 0 leaves the configuration's
};

/// The configuration that SOURCE names, a recipe or a TOML file, with the overrides. Paths of data are made
/// absolute, so that the run can be repeated from anywhere. Throws InputError.
RunConfig source_config(const std::string& source, const Overrides& overrides);

/// Changes `config` as the user asks, except for --data.
void apply_overrides(RunConfig& config, const Overrides& overrides);

/// What a run of SOURCE is called: the recipe, the data file or the configuration file without its ending.
std::string source_title(const std::string& source, const RunConfig& config);

/// The configured scheme and its steps, e.g. "rk4, 4 steps an interval" or "dopri5, rtol 1e-06". Throws
/// InputError for an unknown integrator.
std::string scheme_text(const RunConfig& config, const IntegratorRegistry& integrators);

/// A model file, or that of a run directory.
struct StoredModel {
  std::filesystem::path file;
  Safetensors contents;
  ModelInfo info;

  template <class T>
  [[nodiscard]] Control<T> control(const ProblemDefinition<T>& definition) const {
    Control<T> u(definition.field->layout(), definition.grid.intervals());
    read_control(contents, file, u);
    return u;
  }
};

/// Whether `path` is there and is a directory or no TOML file, hence meant as a model.
bool names_model(const std::string& path);

/// Throws InputError when `path` is neither a model file nor a run directory with one.
StoredModel load_model(const std::string& path);

/// What becomes of a stored model's control.
enum class ModelUse {
  classes,      ///< only its classes and p_d count
  states,       ///< it is run as it is
  gradients,    ///< it is run as it is, and the gradient there is taken
  trained_anew  ///< another takes its place
};

/// What the model's file says of it, with the overrides. Throws InputError, also for keys that change nothing
/// for that use.
ModelInfo model_info(const StoredModel& model, const Overrides& overrides, ModelUse use);

/// Throws InputError when --set changes run.precision for `command`, which works in double.
void refuse_precision(const Overrides& overrides, const char* command);

/// Takes the samples of `config` from `path`, where they have moved to, and files that stood beside them from
/// beside it. Throws InputError for samples that are generated.
void move_data(RunConfig& config, const std::string& path);

/// Says on stderr when classes below the largest label have no training sample.
template <class T>
void warn_of_empty_classes(const Dataset<T>& train);

/// Samples of pictures that commands take which work in double and evaluate the objective many times.
constexpr Index most_pictures = 32;

/// The experiment in double: of pictures the first `most_pictures` training samples, and says so on stderr.
Experiment<double> small_experiment(Experiment<double> e);

/// Sets run.precision from float to double when the integrator exists for double only, and says so on stderr.
/// Throws InputError for an unknown integrator.
void settle_precision(RunConfig& config, const IntegratorRegistry& integrators);

}  // namespace turnpike::cli
