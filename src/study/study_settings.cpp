#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

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

bool is_whole(double value) { return value == std::round(value); }

void demand_values(bool condition, double value, const char* range) {
  if (!condition) {
    throw InputError(fmt::format("--values {}: give {}", value, range));
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
      return {0.1 * base.cost.r, 0.3 * base.cost.r, base.cost.r, 3 * base.cost.r, 10 * base.cost.r};
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
  for (std::size_t i = 0; i < settings.values.size(); ++i) {
    const double value = settings.values[i];
    demand_values(std::isfinite(value), value, "finite numbers");
    if (i > 0) {
      demand_values(value > settings.values[i - 1], value, "increasing numbers, each once");
    }
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
  const Experiment<double> e = load_experiment<double>(settings.base);
  settings.samples = e.fingerprint;
  if (settings.kind == StudyKind::p_d && tabulated_loss(settings.base) != "soft-cross-entropy") {
    throw InputError("p_d is of the soft cross-entropy only; set cost.stage = soft-cross-entropy");
  }
  if (settings.kind == StudyKind::gamma && settings.base.cost.terminal == "none") {
    throw InputError("without a terminal cost γ has no effect; set cost.terminal");
  }
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
    if (config.run.precision == "float") {
      (void)make_definition<float>(resolved, e.train.class_count(), integrators);
    } else {
      (void)make_definition<double>(resolved, e.train.class_count(), integrators);
    }
  }
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

json open_study(const StudySettings& settings, const fs::path& directory) {
  json fresh = empty_study(settings);
  std::error_code error;
  const fs::path file = directory / "study.json";
  if (!fs::exists(file, error)) {
    if (fs::exists(directory, error) &&
        !(fs::is_directory(directory, error) && fs::is_empty(directory, error))) {
      throw InputError(fmt::format("'{}' exists already and holds no study; choose another with --out",
                                   directory.string()));
    }
    fs::create_directories(directory, error);
    if (error) {
      throw InputError(fmt::format("the directory '{}' cannot be created: {}; choose another with --out",
                                   directory.string(), error.message()));
    }
    write_file_atomically(file, fresh.dump(1) + "\n");  // fails now rather than after a training
    return fresh;
  }
  json found = json::parse(read_text_file(file, "study"), nullptr, false);
  const auto is_row = [](const json& row) {
    return row.is_object() && row.contains("value") && row["value"].is_number() && row.contains("seed") &&
           row["seed"].is_number_integer() &&
           (row.contains("failure") || (row.contains("objective") && row["objective"].is_number() &&
                                        row.contains("trajectory") && row["trajectory"].is_object()));
  };
  if (!found.is_object() || !found.contains("rows") || !found["rows"].is_array() ||
      !std::all_of(found["rows"].begin(), found["rows"].end(), is_row)) {
    throw InputError(
        fmt::format("'{}' is damaged; remove it or choose another directory with --out", file.string()));
  }
  for (const auto& [key, value] : fresh.items()) {
    if (key != "rows" && key != "title" && (!found.contains(key) || found[key] != value)) {
      throw InputError(
          fmt::format("'{}' was begun with other settings ({} differs); repeat those to go on, or choose "
                      "another directory with --out",
                      file.string(), key));
    }
  }
  return found;
}

}  // namespace turnpike
