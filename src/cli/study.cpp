#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "cli/interrupt.hpp"
#include "cli/tell.hpp"
#include "study/study.hpp"
#include "study/study_report.hpp"
#include "turnpike/error.hpp"

namespace turnpike::cli {

namespace {

using json = nlohmann::ordered_json;

std::vector<double> parse_values(const std::string& text) {
  std::vector<double> values;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const char* const end = text.data() + comma;
    double value = 0;
    const auto [stopped, error] = std::from_chars(text.data() + at, end, value);
    if (error != std::errc() || stopped != end || !std::isfinite(value)) {
      throw InputError(
          fmt::format("--values {}: write increasing numbers separated by commas, e.g. 10,20,40", text));
    }
    values.push_back(value);
    at = comma + 1;
  }
  return values;
}

std::string cell(const json& row, const char* key, int decimals, double factor = 1) {
  return row.contains(key) && row[key].is_number()
             ? fmt::format("{:.{}f}", factor * row[key].get<double>(), decimals)
             : std::string("-");
}

void print_row(const json& value, const json& row, const char* last) {
  fmt::print("{:>8} {:>5} {:>10} {:>9} {:>8} {:>8} {:>8} {:>9} {:>8} {:>8} {:>6} {:>8} {:>10} {:>8}\n",
             fmt::format("{:g}", value.get<double>()), row["seed"].get<int>(), cell(row, "objective", 4),
             cell(row, "accuracy_train", 2, 100), cell(row, "accuracy_test", 2, 100),
             cell(row, "outside_rms", 0), cell(row, "outside_sample", 2), cell(row, "outside_certified", 2),
             cell(row, "theta_rms", 3), cell(row, "theta_sample", 3), cell(row, "entry_layer_distance", 0),
             cell(row, "decay_rate", 3), cell(row, last, 4), cell(row, "seconds", 1));
}

void print_study(const json& study) {
  const bool gaps = study["study"] == "optimality";
  fmt::print("{:>8} {:>5} {:>10} {:>9} {:>8} {:>8} {:>8} {:>9} {:>8} {:>8} {:>6} {:>8} {:>10} {:>8}\n",
             gaps ? "epoch" : study["varies"].get<std::string>(), "seed", "V", "train %", "test %", "#Q rms",
             "#Q mean", "certified", "μ rms", "μ mean", "entry", "rate", gaps ? "V - best" : "distance",
             "seconds");
  for (const json& entry : study_summary(study)) {
    if (gaps) {
      if (!entry.contains("failure")) {
        print_row(entry["value"], entry, "gap");
      }
    } else if (entry["seeds"].get<int>() > 0) {
      print_row(entry["value"], entry["best"], "distance_last");
    }
  }
  for (const json& row : study["rows"]) {
    if (row.contains("failure")) {
      fmt::print("{:g}, seed {}: failed: {}\n", row["value"].get<double>(), row["seed"].get<int>(),
                 row["failure"].get<std::string>());
    }
  }
  if (!gaps) {
    fmt::print("Of each value the seed with the lowest V; #Q and μ: layers and time farther than ε = {}.\n",
               study["epsilon"].get<double>());
  }
}

/// What an earlier start left.
void print_found(const OpenedStudy& opened, std::size_t all) {
  const json& rows = opened.study["rows"];
  if (!rows.empty()) {
    tell("{} of {} rows are there already\n", rows.size(), all);
  }
  const auto failed =
      std::count_if(rows.begin(), rows.end(), [](const json& row) { return row.contains("failure"); });
  if (failed > 0) {
    tell("{} of them failed and are not tried again: the same seed fails the same way\n", failed);
  }
  for (const std::filesystem::path& model : opened.missing_models) {
    tell("'{}' is missing, so that row is trained again\n", model.string());
  }
}

/// Refuses keys that the study sets itself, row by row.
void demand_effect(StudyKind kind, const std::vector<std::string>& keys) {
  const std::string varied = kind == StudyKind::r       ? "cost.r="
                             : kind == StudyKind::gamma ? "cost.gamma="
                             : kind == StudyKind::p_d   ? "cost.p_d="
                                                        : "run.seed=";
  for (const std::string& key : keys) {
    if (key.rfind(varied, 0) == 0 || key.rfind("run.seed=", 0) == 0) {
      throw InputError(fmt::format("--set {}: the study sets this itself; give --values or --seeds", key));
    }
  }
}

}  // namespace

int study(const StudyOptions& options, const IntegratorRegistry& integrators) {
  StudySettings settings;
  settings.kind = study_kind(options.kind);
  demand_effect(settings.kind, options.overrides.keys);
  Overrides overrides = options.overrides;
  overrides.threads = 0;  // of the study, not of a training
  settings.base = source_config(options.source, overrides);
  settle_precision(settings.base, integrators);
  settings.title = fmt::format("{} study of {}", options.kind, source_title(options.source, settings.base));
  if (!options.values.empty()) {
    settings.values = parse_values(options.values);
  }
  settings.seeds = options.seeds;
  settings.epsilon = options.epsilon;
  settings.warm = options.warm;
  join_study(settings, options.out);
  check_study(settings, integrators);
  OpenedStudy opened = open_study(settings, options.out);
  json& study = opened.study;

  const std::size_t all = settings.values.size() * static_cast<std::size_t>(settings.seeds);
  std::size_t done = study["rows"].size();
  print_found(opened, all);
  bool complete = false;
  {
    const InterruptGuard interrupt;
    complete = run_study(
        settings, study, options.out, integrators, std::max(1, options.overrides.threads),
        [&](const json& row) {
          ++done;
          const std::string outcome = row.contains("failure") ? "failed: " + row["failure"].get<std::string>()
                                                              : fmt::format("V {:.4f}, {} layers outside",
                                                                            row["objective"].get<double>(),
                                                                            row["outside_rms"].get<int>());
          tell("{}/{}  {} {:g}, seed {}: {}  ({:.1f} s)\n", done, all,
               settings.kind == StudyKind::optimality ? "epoch" : study["varies"].get<std::string>(),
               row["value"].get<double>(), row["seed"].get<int>(), outcome,
               row.contains("seconds") ? row["seconds"].get<double>() : 0.0);
        },
        interrupt.requested());
  }
  if (study["rows"].empty()) {
    tell("turnpike: stopped before the first row; the same command begins anew\n");
    return 130;
  }
  const std::string no_figures = write_study_report(study, options.out);
  if (options.json) {
    json result = study;
    result["summary"] = study_summary(study);
    fmt::print("{}\n", result.dump(1));
  } else {
    print_study(study);
    fmt::print("report   {}\n", (std::filesystem::path(options.out) / "report.html").string());
  }
  if (!no_figures.empty()) {
    tell("turnpike: {}\n", no_figures);
  }
  if (!complete) {
    tell("turnpike: stopped with {} of {} rows; the same command goes on\n", study["rows"].size(), all);
    return 130;
  }
  for (const json& row : study["rows"]) {
    if (!row.contains("failure")) {
      return 0;
    }
  }
  tell("turnpike: every training failed; see the table for why\n");
  return 1;
}

}  // namespace turnpike::cli
