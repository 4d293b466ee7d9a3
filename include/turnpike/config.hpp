#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "turnpike/ensemble.hpp"

namespace turnpike {

/// Everything that decides a run. The documentation, range and default of each key stand in one table,
/// `config_keys()`; TOML files, `--set section.key=value`, the resolved config.toml and the metadata of
/// models all go through it.
struct RunConfig {
  struct Data {
    std::string source = "two-spirals";
    std::string path;
    std::string label;
    std::string labels;
    std::string test_path;
    std::string test_labels;
    double test_fraction = 0;
    double scale_pixels = 1.0 / 255;
    bool standardize = false;
    Index per_class = 240;
    double turns = 3;
    double scale = 6.5;
    double noise = 0;
  } data;
  struct Field {
    std::string kind = "two-layer";
    Index hidden = 8;
    std::string activation = "tanh";
    std::string outer_activation = "identity";
    std::optional<Index> state;
  } field;
  struct ControlOptions {
    Index intervals = 30;
    std::optional<double> horizon;
    std::vector<double> nodes;
    std::string initialization = "second-layer-zero";
    double stiffness = 30;
    std::optional<Index> active_intervals;
    Index extend_by = 0;
    std::int64_t extend_every = 1;
  } control;
  struct Integrator {
    std::string name = "explicit-euler";
    std::optional<Index> substeps;
    std::optional<double> rtol;
    std::optional<double> atol;
    std::optional<std::string> adjoint;
    std::string recovery = "none";
  } integrator;
  struct Cost {
    std::string stage = "soft-cross-entropy";
    std::string terminal = "soft-cross-entropy";
    double p_d = 0.95;
    double r = 0.005;
    double gamma = 3;
    std::vector<Index> components;
    std::vector<std::vector<double>> targets;
    std::string quadrature = "scheme";
  } cost;
  struct Optimizer {
    std::string name = "adam";
    double learning_rate = 0.03;
    std::string schedule = "cosine";
    std::int64_t warmup = 0;
    std::int64_t step_every = 1000;
    double step_factor = 0.1;
    double clip = 0.2;
    std::int64_t epochs = 24000;
    std::int64_t batch = 0;
    double weight_decay = 0;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
    /// Whether batch and warmup are a recipe's, which are cut where the samples are too few for them.
    bool batch_of_recipe = false;
    bool warmup_of_recipe = false;
    std::string finish = "none";
    std::int64_t finish_iterations = 500;
  } optimizer;
  struct Run {
    std::int64_t seed = 1;
    std::string precision = "double";
    int threads = 1;
    Index tile = 0;
    std::string recomputation = "none";
    Index snapshots = 16;
    std::int64_t checkpoint_every = 1000;
  } run;
};

/// One row of the table of keys.
struct ConfigKeyInfo {
  std::string name;      ///< section.key
  std::string type;      ///< "number", "whole number", "text", "true or false", "list …"
  std::string fallback;  ///< the default as TOML, or "unset"
  std::string text;      ///< one sentence
};
std::vector<ConfigKeyInfo> config_keys();

/// The names of the shipped recipes, those of the sources among them: two-spirals, two-spirals-ode,
/// two-spirals-implicit, two-spirals-cvodes, two-spirals-paper, csv, mnist, idx.
std::vector<std::string> recipe_names();

/// The recipe called `name`. Throws InputError for an unknown one.
RunConfig recipe(std::string_view name);

/// Reads a TOML file. Unset keys take the values of the recipe that data.source names. Throws InputError
/// for a file that cannot be read or parsed (with the line), an unknown key (with the nearest one), a
/// value of the wrong type or out of range.
RunConfig read_config(const std::filesystem::path& file);

/// Applies "section.key=value". Throws InputError as read_config does.
void set_key(RunConfig& config, std::string_view assignment);

/// Keys among `assignments` (section.key=value) that change neither what a trained control does nor what is
/// measured of it: all of optimizer, the start and the growth of the control, data.standardize (a model keeps
/// its own), run.checkpoint_every, and run.seed unless the samples depend on it (`seeded`).
std::vector<std::string> training_keys(const std::vector<std::string>& assignments, bool seeded);

/// Whether the samples are pictures: data.source is mnist or idx.
bool has_pictures(const RunConfig& config);

/// Whether the field allows the tail test of exact_tail.hpp: its outer (only) activation has no kink.
bool has_tail_test(const RunConfig& config);

/// Throws InputError for keys that contradict each other, are missing, or are not used by data.source.
void check_config(const RunConfig& config);

/// The whole configuration as TOML with each key's documentation as a comment; reads back to the same.
std::string to_toml(const RunConfig& config);

/// The whole configuration as a JSON object of sections, and back. Throws InputError for what does not fit.
std::string to_json(const RunConfig& config);
RunConfig config_from_json(std::string_view json);

}  // namespace turnpike
