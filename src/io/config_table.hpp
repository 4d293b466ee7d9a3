#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "turnpike/config.hpp"

namespace turnpike {

/// A key of the configuration: how it is read from and written to JSON values.
struct ConfigKey {
  std::string name;  ///< section.key
  std::string type;
  std::string text;
  std::function<nlohmann::json(const RunConfig&)> get;
  /// Throws std::invalid_argument with what is wrong with the value.
  std::function<void(RunConfig&, const nlohmann::json&)> set;
};

/// `value` as in a configuration file, for messages.
std::string shown(const nlohmann::json& value);

/// All keys in the order in which they are written.
const std::vector<ConfigKey>& config_table();

}  // namespace turnpike
