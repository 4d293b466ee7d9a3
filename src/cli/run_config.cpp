#include "cli/run_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>

#include "cli/sources.hpp"
#include "turnpike/error.hpp"

namespace turnpike::cli {

void write_config(const RunDirectory& run, const RunConfig& config) {
  run.write(run_file::begun_with, to_toml(config));
  run.write(run_file::config, to_toml(config));
}

void demand_unchanged(const RunDirectory& run, const RunConfig& config) {
  std::error_code error;
  if (!std::filesystem::exists(run.file(run_file::begun_with), error)) {
    return;  // begun by an older version
  }
  const auto begun = nlohmann::json::parse(to_json(read_config(run.file(run_file::begun_with)))).flatten();
  const auto now = nlohmann::json::parse(to_json(config)).flatten();
  for (const auto& [key, value] : begun.items()) {
    // Where the samples are does not matter; that they are the same is checked by their fingerprint.
    constexpr std::array<std::string_view, 6> free = {"/run/threads",    "/run/checkpoint_every",
                                                      "/data/path",      "/data/labels",
                                                      "/data/test_path", "/data/test_labels"};
    const bool matters = std::find(free.begin(), free.end(), key) == free.end();
    if (matters && now.value(key, nlohmann::json()) != value) {
      std::string name = key.substr(1);
      std::replace(name.begin(), name.end(), '/', '.');
      throw InputError(fmt::format(
          "'{}' has {} = {} where the run was begun with {}; undo the change, or train anew",
          run.file(run_file::config).string(), name, now.value(key, nlohmann::json()).dump(), value.dump()));
    }
  }
}

void write_place(const RunDirectory& run, const std::string& path) {
  std::error_code error;
  for (const char* const file : {run_file::config, run_file::begun_with}) {
    if (std::filesystem::exists(run.file(file), error)) {
      RunConfig config = read_config(run.file(file));
      move_data(config, path);
      run.write(file, to_toml(config));
    }
  }
}

}  // namespace turnpike::cli
