#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "io/precision.hpp"
#include "io/run_results.hpp"
#include "io/text_file.hpp"
#include "study/study.hpp"
#include "turnpike/error.hpp"
#include "turnpike/experiment.hpp"

namespace turnpike {

namespace {

namespace fs = std::filesystem;
using json = nlohmann::ordered_json;

constexpr std::array<std::pair<std::string_view, StudyKind>, 5> kinds = {
    {{"horizon", StudyKind::horizon},
     {"r", StudyKind::r},
     {"gamma", StudyKind::gamma},
     {"p_d", StudyKind::p_d},
     {"optimality", StudyKind::optimality}}};

/// Of the base, which every horizon keeps.
double interval_length(const RunConfig& base) {
  return base.control.horizon.value_or(static_cast<double>(base.control.intervals)) /
         static_cast<double>(base.control.intervals);
}

/// A default as one would write it: 0.1 · 1e-5 is 1e-06, not 1.0000000000000002e-06.
double rounded(double value) { return std::strtod(fmt::format("{:.6g}", value).c_str(), nullptr); }

bool is_whole(double value) { return value == std::round(value); }

void demand_values(bool condition, double value, const char* range) {
  if (!condition) {
    throw InputError(fmt::format("--values {}: give {}", value, range));
  }
}

void demand_increasing(const std::vector<double>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    demand_values(std::isfinite(values[i]), values[i], "finite numbers");
    if (i > 0) {
      demand_values(values[i] > values[i - 1], values[i], "increasing numbers, each once");
    }
  }
}

bool is_row(const json& row) {
  return row.is_object() && row.contains("value") && row["value"].is_number() && row.contains("seed") &&
         row["seed"].is_number_integer() &&
         (row.contains("failure") ? row["failure"].is_string()
                                  : row.contains("objective") && row["objective"].is_number() &&
                                        (!row.contains("trajectory") || row["trajectory"].is_object()));
}

bool is_study(const json& found) {
  const auto is_number = [](const json& value) { return value.is_number(); };
  return found.is_object() && found.contains("values") && found["values"].is_array() &&
         !found["values"].empty() && std::all_of(found["values"].begin(), found["values"].end(), is_number) &&
         std::adjacent_find(found["values"].begin(), found["values"].end(), std::greater_equal<>()) ==
             found["values"].end() &&
         found.contains("seeds") && found["seeds"].is_number_integer() && found["seeds"] >= 1 &&
         found.contains("title") && found["title"].is_string() && found.contains("study") &&
         found["study"].is_string() && found.contains("varies") && found["varies"].is_string() &&
         found.contains("samples") && found.contains("epsilon") && found["epsilon"].is_number() &&
         found.contains("rows") && found["rows"].is_array() &&
         std::all_of(found["rows"].begin(), found["rows"].end(), is_row);
}

/// Throws InputError for a row that is none of the study's values and seeds, or is there twice.
void demand_own_rows(const json& found, const fs::path& file) {
  std::set<std::pair<double, std::int64_t>> known;
  for (const json& row : found["rows"]) {
    const auto value = row["value"].get<double>();
    const auto seed = row["seed"].get<std::int64_t>();
    const bool own =
        std::find(found["values"].begin(), found["values"].end(), value) != found["values"].end();
    const char* const fault = !own || seed < 1 || seed > found["seeds"] ? "is none of the study"
                              : !known.emplace(value, seed).second      ? "is there twice"
                                                                        : nullptr;
    if (fault != nullptr) {
      throw InputError(
          fmt::format("'{}': the row of value {}, seed {} {}; remove it, or choose another directory",
                      file.string(), value, seed, fault));
    }
  }
}

/// `section.key` and value of all that decides a row beside its value and seed.
std::map<std::string, std::string> deciding_keys(const json& study) {
  std::map<std::string, std::string> keys;
  for (const auto& [name, value] : study.items()) {
    if (name == "config" && value.is_object()) {
      const json flat = value.flatten();  // outlives the loop over it
      for (const auto& [key, setting] : flat.items()) {
        std::string path = key.substr(1);
        std::replace(path.begin(), path.end(), '/', '.');
        keys[path] = setting.dump();
      }
    } else if (name == "study" || name == "epsilon" || name == "warm" || name == "samples") {
      keys[name] = value.is_string() ? value.get<std::string>() : value.dump();
    }
  }
  return keys;
}

/// Throws InputError when the two studies differ in more than values, seeds and rows.
void demand_same_settings(const json& found, const json& fresh, const fs::path& file) {
  const std::map<std::string, std::string> then = deciding_keys(found);
  const std::map<std::string, std::string> now = deciding_keys(fresh);
  const auto value = [](const std::map<std::string, std::string>& keys, const std::string& key) {
    const auto at = keys.find(key);
    return at == keys.end() ? std::string("unset") : at->second;
  };
  std::map<std::string, std::string> all = then;
  all.insert(now.begin(), now.end());
  std::vector<std::string> differences;
  for (const auto& [key, any] : all) {
    if (value(then, key) != value(now, key)) {
      differences.push_back(fmt::format("{} ({}, now {})", key, value(then, key), value(now, key)));
    }
  }
  if (!differences.empty()) {
    throw InputError(
        fmt::format("'{}' was begun with other settings: {}; repeat those to go on, or choose another "
                    "directory with --out",
                    file.string(), fmt::join(differences, ", ")));
  }
}

/// The part of `check_study` that needs the data, in the precision in which they are trained on.
template <class T>
void check_with_data(StudySettings& settings, const IntegratorRegistry& integrators) {
  RunConfig base = settings.base;
  base.run.seed = 1;
  const Experiment<T> e = load_experiment<T>(base);
  settings.samples = e.fingerprint;
  for (const double value : settings.values) {
    RunConfig config = study_config(settings, value, 1);
    if (settings.kind == StudyKind::p_d) {
      demand_values(value * static_cast<double>(e.train.class_count()) > 1 && value < 1, value,
                    fmt::format("p_d in (1/{}, 1)", e.train.class_count()).c_str());
    }
    check_config(config);
    RunConfig resolved = e.config;
    resolved.control = config.control;
    resolved.control.horizon = config.control.horizon.value_or(static_cast<double>(config.control.intervals));
    resolved.cost = config.cost;
    resolved.cost.components = e.config.cost.components;
    resolved.run = config.run;
    (void)make_definition<T>(resolved, e.train.class_count(), integrators);
  }
}

}  // namespace

StudyKind study_kind(std::string_view name) {
  std::vector<std::string> known;
  for (const auto& [own, kind] : kinds) {
    if (own == name) {
      return kind;
    }
    known.emplace_back(own);
  }
  throw InputError(fmt::format("unknown study '{}'{}", name, suggest_name(name, known)));
}

std::string_view name_of(StudyKind kind) {
  return std::find_if(kinds.begin(), kinds.end(), [&](const auto& entry) { return entry.second == kind; })
      ->first;
}

bool varies_time(const StudySettings& settings) {
  return settings.kind == StudyKind::horizon && settings.base.control.horizon.has_value();
}

std::vector<double> default_values(StudyKind kind, const RunConfig& base) {
  switch (kind) {
    case StudyKind::horizon:
      return base.control.horizon ? std::vector<double>{20, 40, 120}
                                  : std::vector<double>{10, 20, 30, 60, 120};
    case StudyKind::r:
      return {rounded(0.1 * base.cost.r), rounded(0.3 * base.cost.r), base.cost.r, rounded(3 * base.cost.r),
              rounded(10 * base.cost.r)};
    case StudyKind::gamma:
      return {0, 1, 3, 10, 30};
    case StudyKind::p_d:
      return {0.8, 0.9, 0.95, 0.99};
    case StudyKind::optimality:
      break;
  }
  if (base.optimizer.epochs < 1) {
    return {};
  }
  // About six a decade, the last epoch among them.
  std::vector<double> epochs;
  const auto last = static_cast<double>(base.optimizer.epochs);
  const int decades = static_cast<int>(std::log10(last));
  for (int i = 0; i < 6 * (decades + 1); ++i) {
    const double epoch = std::round(last * std::pow(10.0, -i / 6.0));
    if (epoch >= 1 && (epochs.empty() || epoch < epochs.back())) {
      epochs.push_back(epoch);
    }
  }
  std::reverse(epochs.begin(), epochs.end());
  return epochs;
}

RunConfig study_config(const StudySettings& settings, double value, std::int64_t seed) {
  RunConfig config = settings.base;
  config.run.seed = seed;
  config.run.threads = 1;
  switch (settings.kind) {
    case StudyKind::horizon: {
      const double intervals = varies_time(settings) ? value / interval_length(settings.base) : value;
      const double whole = std::round(intervals);
      if (!(whole >= 1) || whole > 1e6 || std::abs(intervals - whole) > 1e-9 * whole) {
        throw InputError(fmt::format(
            "--values {}: give a {} of at least one interval, {:.6g}, and a whole number of them", value,
            varies_time(settings) ? "horizon T" : "number N of layers", interval_length(settings.base)));
      }
      config.control.intervals = static_cast<Index>(whole);
      if (varies_time(settings)) {
        config.control.horizon = value;
      }
      if (config.control.active_intervals && *config.control.active_intervals >= config.control.intervals) {
        config.control.active_intervals.reset();
      }
      break;
    }
    case StudyKind::r:
      config.cost.r = value;
      break;
    case StudyKind::gamma:
      config.cost.gamma = value;
      break;
    case StudyKind::p_d:
      config.cost.p_d = value;
      break;
    case StudyKind::optimality:
      break;
  }
  return config;
}

void check_study(StudySettings& settings, const IntegratorRegistry& integrators) {
  if (!(settings.epsilon > 0) || !std::isfinite(settings.epsilon)) {
    throw InputError(fmt::format("--epsilon {}; give a finite number above 0", settings.epsilon));
  }
  if (settings.values.empty()) {
    throw InputError("a study needs values; give --values, e.g. --values 10,20,40");
  }
  demand_increasing(settings.values);
  for (const double value : settings.values) {
    if (settings.kind == StudyKind::r || settings.kind == StudyKind::gamma) {
      demand_values(value >= 0, value, "numbers of at least 0");
    }
    if (settings.kind == StudyKind::optimality) {
      demand_values(
          is_whole(value) && value >= 1 && value <= static_cast<double>(settings.base.optimizer.epochs),
          value, "whole numbers from 1 to optimizer.epochs");
    }
  }
  if (settings.kind == StudyKind::optimality && settings.warm) {
    throw InputError("--warm goes with the ladders horizon, r, gamma and p_d only; leave it out");
  }
  if (tabulated_loss(settings.base) == "cross-entropy") {
    throw InputError(
        "the plain cross-entropy has no minimizers, so there is no turnpike to study; set cost.stage = "
        "soft-cross-entropy");
  }
  if (settings.base.control.extend_by > 0) {
    throw InputError("a study does not extend its controls; set control.extend_by = 0");
  }
  if (settings.kind == StudyKind::p_d && tabulated_loss(settings.base) != "soft-cross-entropy") {
    throw InputError("p_d is of the soft cross-entropy only; set cost.stage = soft-cross-entropy");
  }
  if (settings.kind == StudyKind::gamma && settings.base.cost.terminal == "none") {
    throw InputError("without a terminal cost γ has no effect; set cost.terminal");
  }
  with_precision(settings.base, [&]<class T>() { check_with_data<T>(settings, integrators); });
}

json empty_study(const StudySettings& settings) {
  RunConfig base = settings.base;
  base.run.seed = 1;
  base.run.threads = 1;  // never changes a result
  return {{"study", name_of(settings.kind)},
          {"title", settings.title},
          {"varies", settings.kind != StudyKind::horizon ? std::string(name_of(settings.kind))
                     : varies_time(settings)             ? "T"
                                                         : "N"},
          {"values", settings.values},
          {"seeds", settings.seeds},
          {"epsilon", settings.epsilon},
          {"warm", settings.warm},
          {"config", json::parse(to_json(base))},
          {"samples", fmt::format("{:016x}", settings.samples)},
          {"rows", json::array()}};
}

json read_study(const fs::path& directory) {
  const fs::path file = directory / "study.json";
  json found = json::parse(read_text_file(file, "study"), nullptr, false);
  if (!is_study(found)) {
    throw InputError(fmt::format("'{}' is damaged; remove it or choose another directory", file.string()));
  }
  demand_own_rows(found, file);
  return found;
}

void join_study(StudySettings& settings, const fs::path& directory) {
  demand_increasing(settings.values);
  std::error_code error;
  if (fs::exists(directory / "study.json", error)) {
    const json found = read_study(directory);
    json fresh = empty_study(settings);
    fresh["samples"] = found["samples"];  // not loaded yet
    demand_same_settings(found, fresh, directory / "study.json");
    const auto known = found["values"].get<std::vector<double>>();
    std::vector<double> all;
    std::set_union(known.begin(), known.end(), settings.values.begin(), settings.values.end(),
                   std::back_inserter(all));
    if (settings.warm && !std::equal(known.begin(), known.end(), all.begin())) {
      throw InputError(fmt::format(
          "with --warm each value starts from the one before, so that '{}' goes on above its last "
          "value {} only; choose another directory with --out",
          directory.string(), known.back()));
    }
    settings.values = all;
    settings.seeds = std::max(settings.seeds, found["seeds"].get<std::int64_t>());
  }
  if (settings.values.empty()) {
    settings.values = default_values(settings.kind, settings.base);
  }
  if (settings.seeds == 0) {
    settings.seeds = 5;
  }
}

void write_study(const json& study, const fs::path& directory) {
  write_file_atomically(directory / "study.json", study.dump(1) + "\n");
}

fs::path model_name(double value, std::int64_t seed) {
  return fs::path("models") / fmt::format("{}-seed-{}.safetensors", value, seed);
}

OpenedStudy open_study(StudySettings& settings, const fs::path& directory) {
  std::error_code error;
  const fs::path file = directory / "study.json";
  fs::create_directories(directory, error);
  if (error) {
    throw InputError(fmt::format("the directory '{}' cannot be created: {}; choose another with --out",
                                 directory.string(), error.message()));
  }
  OpenedStudy opened{DirectoryLock(directory), {}, {}};
  if (!fs::exists(file, error)) {
    if (!fs::is_empty(directory, error)) {
      throw InputError(fmt::format("'{}' exists already and holds no study; choose another with --out",
                                   directory.string()));
    }
    opened.study = empty_study(settings);
    write_study(opened.study, directory);  // fails now rather than after a training
    return opened;
  }
  join_study(settings, directory);  // once more: a process may have extended it until just now
  opened.study = empty_study(settings);
  const json found = read_study(directory);
  demand_same_settings(found, opened.study, file);
  opened.study["title"] = found["title"];
  for (const json& row : found["rows"]) {
    const fs::path model =
        directory / model_name(row["value"].get<double>(), row["seed"].get<std::int64_t>());
    if (settings.kind != StudyKind::optimality && !row.contains("failure") && !fs::exists(model, error)) {
      opened.missing_models.push_back(model);
    } else {
      opened.study["rows"].push_back(row);
    }
  }
  write_study(opened.study, directory);
  return opened;
}

}  // namespace turnpike
