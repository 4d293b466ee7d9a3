#include "cli/sources.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/tell.hpp"
#include "io/idle_keys.hpp"
#include "turnpike/error.hpp"

namespace turnpike::cli {

namespace fs = std::filesystem;

namespace {

void make_absolute(std::string& path) {
  if (!path.empty()) {
    path = fs::absolute(path).lexically_normal().string();
  }
}

std::string key_of(const std::string& assignment) { return assignment.substr(0, assignment.find('=')); }

/// Throws InputError for --set with a key that the rest of `config` leaves without effect.
void refuse_idle(const RunConfig& config, const Overrides& overrides) {
  for (const std::string& assignment : overrides.keys) {
    const std::string reason = idle_reason(config, key_of(assignment));
    if (!reason.empty()) {
      throw InputError(
          fmt::format("--set {} has no effect here because {}; leave it out", assignment, reason));
    }
  }
}

/// Throws InputError for overrides that change only how a gradient is taken.
void refuse_gradient_keys(const Overrides& overrides) {
  const auto refuse = [](const std::string& flag) {
    throw InputError(fmt::format("{} has no effect here because no gradient is taken; leave it out", flag));
  };
  for (const std::string& assignment : overrides.keys) {
    const std::string key = key_of(assignment);
    if (key == "integrator.adjoint" || key == "run.recomputation" || key == "run.snapshots") {
      refuse("--set " + assignment);
    }
  }
  if (!overrides.adjoint.empty()) {
    refuse("--adjoint " + overrides.adjoint);
  }
}

bool is_recipe(const std::string& source) {
  const std::vector<std::string> recipes = recipe_names();
  return std::find(recipes.begin(), recipes.end(), source) != recipes.end();
}

}  // namespace

void apply_overrides(RunConfig& config, const Overrides& overrides) {
  if (!overrides.integrator.empty() && overrides.integrator != config.integrator.name) {
    // Sub-steps and tolerances belong to the scheme that they were written for.
    config.integrator = {};
    config.integrator.name = overrides.integrator;
  }
  for (const std::string& assignment : overrides.keys) {
    set_key(config, assignment);
  }
  if (!overrides.adjoint.empty()) {
    config.integrator.adjoint = overrides.adjoint;
  }
  if (overrides.threads > 0) {
    set_key(config, fmt::format("run.threads={}", overrides.threads));
  }
}

RunConfig source_config(const std::string& source, const Overrides& overrides) {
  RunConfig config;
  if (is_recipe(source)) {
    config = recipe(source);
  } else if (fs::path(source).extension() == ".toml") {
    config = read_config(source);
  } else {
    throw InputError(fmt::format("unknown source '{}' (a configuration file ends in .toml){}", source,
                                 suggest_name(source, recipe_names())));
  }
  apply_overrides(config, overrides);
  if (!overrides.data.empty()) {
    if (config.data.source == "two-spirals") {
      throw InputError(
          fmt::format("--data {}: the source '{}' makes its own data; use the source csv, mnist or idx for "
                      "files of yours",
                      overrides.data, source));
    }
    config.data.path = overrides.data;
  }
  make_absolute(config.data.path);
  make_absolute(config.data.labels);
  make_absolute(config.data.test_path);
  make_absolute(config.data.test_labels);
  check_config(config);
  refuse_idle(config, overrides);
  check_idle_keys(config);
  return config;
}

void settle_precision(RunConfig& config, const IntegratorRegistry& integrators) {
  // bf16 is not silently given up: make_definition refuses it.
  if (config.run.precision == "float" && integrators.find(config.integrator.name).traits.double_only) {
    config.run.precision = "double";
    tell("turnpike: '{}' works in double only, so run.precision is double\n", config.integrator.name);
  }
}

std::string source_title(const std::string& source, const RunConfig& config) {
  if (source == "csv" || source == "idx") {
    return fs::path(config.data.path).stem().string();
  }
  return is_recipe(source) ? source : fs::path(source).stem().string();
}

std::string scheme_text(const RunConfig& config, const IntegratorRegistry& integrators) {
  const auto& scheme = config.integrator;
  const IntegratorTraits& traits = integrators.find(scheme.name).traits;
  if (scheme.rtol || scheme.atol || !traits.fixed_steps) {
    return scheme.name + (scheme.rtol ? fmt::format(", rtol {}", *scheme.rtol) : "") +
           (scheme.atol ? fmt::format(", atol {}", *scheme.atol) : "");
  }
  const Index substeps = scheme.substeps.value_or(1);
  return fmt::format("{}, {} step{} an interval", scheme.name, substeps, substeps == 1 ? "" : "s");
}

bool names_model(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error) || fs::path(path).extension() == ".safetensors";
}

StoredModel load_model(const std::string& path) {
  StoredModel model;
  model.file = path;
  std::error_code error;
  if (fs::is_directory(path, error)) {
    model.file /= "model.safetensors";
    if (!fs::exists(model.file, error)) {
      throw InputError(
          fmt::format("'{}' holds no model.safetensors; give a run directory whose training has "
                      "ended (`turnpike resume` goes on with one), or a model file",
                      path));
    }
  }
  model.contents = read_safetensors(model.file);
  model.info = model_info(model.contents, model.file);
  return model;
}

void refuse_precision(const Overrides& overrides, const char* command) {
  for (const std::string& assignment : overrides.keys) {
    if (assignment.starts_with("run.precision=")) {
      throw InputError(fmt::format("--set {} has no effect, because {} works in double; leave it out",
                                   assignment, command));
    }
  }
}

void move_data(RunConfig& config, const std::string& path) {
  auto& data = config.data;
  if (data.source == "two-spirals") {
    throw InputError(fmt::format("--data {}: the run's samples are generated; leave it out", path));
  }
  const fs::path before = fs::path(data.path).parent_path();
  const fs::path after = fs::absolute(path).lexically_normal();
  for (std::string* other : {&data.labels, &data.test_path, &data.test_labels}) {
    if (!other->empty() && fs::path(*other).parent_path() == before) {
      *other = (after.parent_path() / fs::path(*other).filename()).string();
    }
  }
  data.path = after.string();
}

template <class T>
void warn_of_empty_classes(const Dataset<T>& train) {
  std::vector<bool> present(train.classes.size());
  for (const int label : train.labels) {
    present[static_cast<std::size_t>(label)] = true;
  }
  std::vector<std::string> empty;
  for (std::size_t c = 0; c < present.size(); ++c) {
    if (!present[c]) {
      empty.push_back(train.classes[c]);
    }
  }
  if (!empty.empty()) {
    tell("turnpike: of {} classes {} no training sample: {}; check the labels\n", present.size(),
         empty.size() == 1 ? "one has" : fmt::format("{} have", empty.size()), fmt::join(empty, ", "));
  }
}

template void warn_of_empty_classes(const Dataset<float>&);
template void warn_of_empty_classes(const Dataset<double>&);

ModelInfo model_info(const StoredModel& model, const Overrides& overrides, ModelUse use) {
  ModelInfo info = model.info;
  if (!overrides.data.empty()) {
    info.config.data.labels.clear();  // they belong to the model's own images
  }
  apply_overrides(info.config, overrides);
  const bool seeded = info.config.data.noise > 0 || info.config.data.test_fraction > 0;
  const std::vector<std::string> idle = training_keys(overrides.keys, seeded);
  if (use != ModelUse::trained_anew && !idle.empty()) {
    throw InputError(fmt::format(
        "--set {} has no effect on a trained model, whose control is taken as it is; leave it out, or train "
        "with it",
        idle.front()));
  }
  if (use == ModelUse::states) {
    refuse_gradient_keys(overrides);
  }
  if (use != ModelUse::classes) {
    refuse_idle(info.config, overrides);
  }
  return info;
}

Experiment<double> small_experiment(Experiment<double> e) {
  if (has_pictures(e.config) && e.train.size() > most_pictures) {
    tell("turnpike: only the first {} of {} training samples are taken\n", most_pictures, e.train.size());
    e.train = first_samples(e.train, most_pictures);
    e.config.optimizer.batch = std::min(e.config.optimizer.batch, most_pictures);
  }
  return e;
}

}  // namespace turnpike::cli
