#include "turnpike/config.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>
#include <map>
#include <set>
#include <stdexcept>
#include <string_view>

#include "io/config_table.hpp"
#include "io/text_file.hpp"
#include "turnpike/activation.hpp"
#include "turnpike/control.hpp"
#include "turnpike/error.hpp"

namespace turnpike {

namespace {

using nlohmann::json;

const ConfigKey& find_key(std::string_view name) {
  std::vector<std::string> known;
  for (const ConfigKey& key : config_table()) {
    if (key.name == name) {
      return key;
    }
    known.push_back(key.name);
  }
  throw InputError(fmt::format("unknown configuration key '{}'{}", name,
                               nearest_name(name, known).empty()
                                   ? "; `turnpike train --help-keys` lists all keys"
                                   : suggest_name(name, known)));
}

/// `value` as in a configuration file.
std::string shown(const json& value) {
  if (value.is_null()) {
    return "nothing";
  }
  return value.is_number_float() ? fmt::format("{}", value.get<double>()) : value.dump();
}

void assign(RunConfig& config, std::string_view name, const json& value, std::string_view where) {
  const ConfigKey& key = find_key(name);
  try {
    key.set(config, value);
  } catch (const std::invalid_argument& error) {
    throw InputError(fmt::format("{}{} = {}: {}", where, name, shown(value), error.what()));
  }
}

json to_json_value(const toml::node& node) {
  if (const auto* text = node.as_string()) {
    return text->get();
  }
  if (const auto* whole = node.as_integer()) {
    return whole->get();
  }
  if (const auto* number = node.as_floating_point()) {
    return number->get();
  }
  if (const auto* flag = node.as_boolean()) {
    return flag->get();
  }
  if (const auto* list = node.as_array()) {
    json values = json::array();
    for (const toml::node& entry : *list) {
      values.push_back(to_json_value(entry));
    }
    return values;
  }
  throw InputError(
      "dates and nested tables are no configuration values; give a number, a text, true, "
      "false or a list");
}

toml::table parse_toml(std::string_view text, const std::string& where) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    throw InputError(fmt::format("{}, line {}: {}; mend the TOML there", where, error.source().begin.line,
                                 error.description()));
  }
}

/// A value as it is written in TOML.
std::string toml_value(const json& value) {
  if (value.is_array()) {
    std::vector<std::string> entries;
    for (const json& entry : value) {
      entries.push_back(toml_value(entry));
    }
    return fmt::format("[{}]", fmt::join(entries, ", "));
  }
  if (value.is_number_float()) {
    std::string text = fmt::format("{}", value.get<double>());
    if (text.find_first_of(".en") == std::string::npos) {
      text += ".0";
    }
    return text;
  }
  return value.dump();
}

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
  const TimeGrid grid(control.nodes);
  if (control.horizon && *control.horizon != grid.horizon()) {
    throw InputError(fmt::format("control.horizon = {}, but control.nodes end at {}; unset one of them",
                                 *control.horizon, grid.horizon()));
  }
}

}  // namespace

std::vector<ConfigKeyInfo> config_keys() {
  const RunConfig defaults;
  std::vector<ConfigKeyInfo> keys;
  for (const ConfigKey& key : config_table()) {
    const json value = key.get(defaults);
    keys.push_back({key.name, key.type, value.is_null() ? "unset" : toml_value(value), key.text});
  }
  return keys;
}

std::vector<std::string> recipe_names() {
  return {"two-spirals",
          "two-spirals-ode",
          "two-spirals-implicit",
          "two-spirals-cvodes",
          "two-spirals-paper",
          "csv",
          "mnist",
          "idx"};
}

RunConfig recipe(std::string_view name) {
  RunConfig config;
  if (name == "two-spirals") {
    config.run.precision = "float";
    return config;
  }
  if (name == "two-spirals-paper") {
    // Section 6 of the paper to the letter: coordinates within [−1, 1], Adam with the constant learning
    // rate 0.1, no clipping, PyTorch's default start. It does not train.
    config.data.scale = 1;
    config.control.initialization = "uniform";
    config.optimizer.learning_rate = 0.1;
    config.optimizer.schedule = "constant";
    config.optimizer.clip = 0;
    config.optimizer.epochs = 2000;
    return config;
  }
  if (name == "two-spirals-implicit") {
    // One more component and a third of the horizon keep h‖J‖ where every stage equation has a solution near
    // its guess; with unit steps Newton fails within a few hundred epochs.
    config.field.state = 3;
    config.control.horizon = 10;
    config.integrator.name = "implicit-euler";
    config.integrator.substeps = 4;
    config.integrator.recovery = "bisect";
    config.optimizer.clip = 1;
    config.optimizer.epochs = 3000;
    return config;
  }
  if (name == "two-spirals-ode" || name == "two-spirals-cvodes") {
    // A control whose trajectories are those of the differential equation, whatever scheme follows them: see
    // docs/decisions/0006-a-model-that-is-an-ode.md.
    const bool cvodes = name == "two-spirals-cvodes";
    config.field.state = 3;
    config.control.horizon = 10;
    config.integrator.name = cvodes ? "cvodes-adams" : "dopri5";
    config.integrator.rtol = 1e-4;
    config.optimizer.learning_rate = 0.06;
    config.optimizer.clip = 1;
    config.optimizer.epochs = cvodes ? 1000 : 2000;
    return config;
  }
  if (name == "csv") {
    config.data.source = "csv";
    config.data.standardize = true;
    config.optimizer.learning_rate = 0.01;
    config.optimizer.clip = 1;
    config.optimizer.epochs = 2000;
    return config;
  }
  if (name == "mnist" || name == "idx") {
    config.data.source = name;
    config.field.hidden = 128;
    config.field.activation = "relu";
    config.control.intervals = 60;
    config.control.initialization = "uniform";
    config.cost.p_d = 0.91;
    config.cost.r = 1e-5;
    config.cost.gamma = 1;
    config.optimizer.learning_rate = 1e-3;
    config.optimizer.warmup = 50;
    config.optimizer.clip = 0;
    config.optimizer.epochs = 6;
    config.optimizer.batch = 256;
    config.optimizer.batch_of_recipe = true;
    config.optimizer.warmup_of_recipe = true;
    config.run.precision = "float";
    config.run.checkpoint_every = 1;
    return config;
  }
  throw InputError(fmt::format("unknown source '{}'{}", name, suggest_name(name, recipe_names())));
}

RunConfig read_config(const std::filesystem::path& file) {
  const std::string text = read_text_file(file, "configuration file");
  const toml::table table = parse_toml(text, file.string());
  std::string source = "two-spirals";
  if (const auto named = table["data"]["source"].value<std::string>()) {
    source = *named;
  }
  RunConfig config;
  assign(config, "data.source", source, file.string() + ": ");
  config = recipe(source);
  for (const auto& [section, node] : table) {
    const toml::table* const keys = node.as_table();
    if (keys == nullptr) {
      throw InputError(fmt::format("{}, line {}: '{}' stands outside a section; put it under one, e.g. [run]",
                                   file.string(), node.source().begin.line, section.str()));
    }
    for (const auto& [key, value] : *keys) {
      const std::string where = fmt::format("{}, line {}: ", file.string(), value.source().begin.line);
      const std::string name = fmt::format("{}.{}", section.str(), key.str());
      try {
        (void)find_key(name);
      } catch (const InputError& unknown) {
        throw InputError(where + unknown.what());
      }
      assign(config, name, to_json_value(value), where);
    }
  }
  return config;
}

void set_key(RunConfig& config, std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    throw InputError(fmt::format("--set {}: write section.key=value, e.g. --set run.seed=2", assignment));
  }
  const std::string_view name = assignment.substr(0, equals);
  const std::string value(assignment.substr(equals + 1));
  const ConfigKey& key = find_key(name);
  json parsed = value;
  const bool is_text = key.get(RunConfig{}).is_string();
  const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
  if (!is_text || quoted) {
    try {
      const toml::table table = toml::parse("value = " + value);
      if (table.size() == 1) {
        parsed = to_json_value(*table.get("value"));
      }
    } catch (const toml::parse_error&) {
      // Not a TOML value: the key's own check says what it expects.
    }
  }
  assign(config, name, parsed, "--set ");
}

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

std::string to_toml(const RunConfig& config) {
  std::string text;
  std::string section;
  for (const ConfigKey& key : config_table()) {
    const std::size_t dot = key.name.find('.');
    if (key.name.substr(0, dot) != section) {
      section = key.name.substr(0, dot);
      text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", section);
    }
    const json value = key.get(config);
    const std::string name = key.name.substr(dot + 1);
    text += value.is_null() ? fmt::format("# {}: unset. {}\n", name, key.text)
                            : fmt::format("{} = {}  # {}\n", name, toml_value(value), key.text);
  }
  return text;
}

std::string to_json(const RunConfig& config) {
  json sections = json::object();
  for (const ConfigKey& key : config_table()) {
    const std::size_t dot = key.name.find('.');
    sections[key.name.substr(0, dot)][key.name.substr(dot + 1)] = key.get(config);
  }
  return sections.dump();
}

RunConfig config_from_json(std::string_view text) {
  const json sections = json::parse(text, nullptr, false);
  if (!sections.is_object()) {
    throw InputError("the stored configuration is not a JSON object; the file is damaged");
  }
  RunConfig config;
  for (const auto& [section, keys] : sections.items()) {
    if (!keys.is_object()) {
      throw InputError(fmt::format("the stored configuration's section '{}' is damaged", section));
    }
    for (const auto& [key, value] : keys.items()) {
      assign(config, fmt::format("{}.{}", section, key), value, "stored configuration: ");
    }
  }
  return config;
}

}  // namespace turnpike
