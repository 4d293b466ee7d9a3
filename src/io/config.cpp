#include "turnpike/config.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>
#include <stdexcept>
#include <string_view>

#include "io/config_table.hpp"
#include "io/text_file.hpp"
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
