#include <fmt/format.h>
#include <map>
#include <set>
#include <string_view>

#include "io/config_table.hpp"
#include "turnpike/activation.hpp"
#include "turnpike/config.hpp"
#include "turnpike/control.hpp"
#include "turnpike/error.hpp"

namespace turnpike {

namespace {

/// The sources that use each key of [data] that not all of them use.
const std::map<std::string_view, std::set<std::string_view>>& data_key_sources() {
  static const std::map<std::string_view, std::set<std::string_view>> sources = {
      {"data.path", {"csv", "mnist", "idx"}},
      {"data.label", {"csv"}},
      {"data.labels", {"idx"}},
      {"data.test_path", {"csv", "idx"}},
      {"data.test_labels", {"idx"}},
      {"data.test_fraction", {"csv", "idx"}},
      {"data.scale_pixels", {"mnist", "idx"}},
      {"data.per_class", {"two-spirals"}},
      {"data.turns", {"two-spirals"}},
      {"data.scale", {"two-spirals"}},
      {"data.noise", {"two-spirals"}}};
  return sources;
}

/// Throws InputError when the section [data] does not fit its source.
void check_data(const RunConfig& config) {
  const auto& data = config.data;
  const RunConfig defaults;
  for (const ConfigKey& key : config_table()) {
    const auto users = data_key_sources().find(key.name);
    if (users != data_key_sources().end() && !users->second.contains(data.source) &&
        key.get(config) != key.get(defaults)) {
      throw InputError(
          fmt::format("{} = {} has no effect with data.source = {}, only with {}; leave it unset", key.name,
                      shown(key.get(config)), data.source, fmt::join(users->second, ", ")));
    }
  }
  if (data.source == "csv" && data.path.empty()) {
    throw InputError("data.source = csv needs a file; give --data FILE or set data.path");
  }
  if (data.source == "mnist" && data.path.empty()) {
    throw InputError(
        "data.source = mnist needs the directory of MNIST's four files; give --data DIR "
        "(scripts/fetch-mnist.sh DIR downloads them)");
  }
  if (data.source == "idx" && (data.path.empty() || data.labels.empty())) {
    throw InputError(
        "data.source = idx needs a file of images and one of labels; give --data IMAGES and --set "
        "data.labels=LABELS");
  }
  if (data.test_path.empty() != data.test_labels.empty() && data.source == "idx") {
    throw InputError("data.test_path and data.test_labels go together; set both or neither");
  }
  if (!data.test_path.empty() && data.test_fraction > 0) {
    throw InputError("data.test_path and data.test_fraction are both set; set one of them");
  }
}

/// Throws InputError when control.nodes, unless empty, are no grid of the intervals and the horizon.
void check_nodes(const RunConfig::ControlOptions& control) {
  if (control.nodes.empty()) {
    return;
  }
  if (static_cast<Index>(control.nodes.size()) != control.intervals + 1) {
    throw InputError(
        fmt::format("control.nodes holds {} times, but control.intervals = {} needs {}; give t_0 to t_K or "
                    "leave it unset",
                    control.nodes.size(), control.intervals, control.intervals + 1));
  }
  const TimeGrid grid = [&] {
    try {
      return TimeGrid(control.nodes);
    } catch (const InputError& error) {
      throw InputError(fmt::format("control.nodes: {}", error.what()));
    }
  }();
  if (control.horizon && *control.horizon != grid.horizon()) {
    throw InputError(fmt::format("control.horizon = {}, but control.nodes end at {}; unset one of them",
                                 *control.horizon, grid.horizon()));
  }
}

}  // namespace

std::vector<std::string> training_keys(const std::vector<std::string>& assignments, bool seeded) {
  const std::set<std::string_view> others = {
      "data.standardize",  "control.initialization", "control.stiffness",   "control.active_intervals",
      "control.extend_by", "control.extend_every",   "run.checkpoint_every"};
  std::vector<std::string> keys;
  for (const std::string& assignment : assignments) {
    const std::string key = assignment.substr(0, assignment.find('='));
    if (key.starts_with("optimizer.") || others.contains(key) || (key == "run.seed" && !seeded)) {
      keys.push_back(key);
    }
  }
  return keys;
}

bool has_pictures(const RunConfig& config) {
  return config.data.source == "mnist" || config.data.source == "idx";
}

bool has_tail_test(const RunConfig& config) {
  return is_smooth(activation_from_name(config.field.kind == "single-layer" ? config.field.activation
                                                                            : config.field.outer_activation));
}

void check_config(const RunConfig& config) {
  if (config.integrator.rtol && config.integrator.substeps) {
    throw InputError(
        "integrator.rtol and integrator.substeps are both set; set rtol for steps chosen by an "
        "error estimate or substeps for fixed ones");
  }
  check_data(config);
  check_nodes(config.control);
  const auto& control = config.control;
  if (control.active_intervals && *control.active_intervals > control.intervals) {
    throw InputError(
        fmt::format("control.active_intervals = {} is more than control.intervals = {}; lower it",
                    *control.active_intervals, control.intervals));
  }
  if (control.extend_by > 0 && !control.active_intervals) {
    throw InputError(
        "control.extend_by is set, but all intervals are active; set control.active_intervals to start with "
        "fewer");
  }
  if (control.extend_by > 0 && !has_tail_test(config)) {
    const bool single = config.field.kind == "single-layer";
    throw InputError(fmt::format(
        "control.extend_by needs the tail test, which {} = {} has a kink too many for; choose a smooth one "
        "such "
        "as {}, or set control.extend_by = 0",
        single ? "field.activation" : "field.outer_activation",
        single ? config.field.activation : config.field.outer_activation, single ? "tanh" : "identity"));
  }
  if (config.cost.stage == "none" && config.cost.terminal == "none") {
    throw InputError("cost.stage and cost.terminal are both none, so there is nothing to train for; set one");
  }
}

}  // namespace turnpike
