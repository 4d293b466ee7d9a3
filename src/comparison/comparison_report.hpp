#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "turnpike/comparison.hpp"

/// A comparison as JSON, figures and a page.
namespace turnpike {

/// The same schemes at several values of one configuration key.
struct ComparisonSweep {
  std::string key;
  std::vector<double> values;
  std::vector<std::vector<SchemeRow>> rows;  ///< value by value
};

/// All that one call of the program compares; what was not asked for is empty.
struct ComparisonResults {
  std::string title;
  std::string control;  ///< whose control it is
  std::optional<ReferenceSolution> reference;
  std::vector<SchemeRow> rows;
  std::vector<WorkPrecision> work_precision;
  std::vector<TrainedScheme> trained;
  bool interrupted = false;  ///< before every scheme had been trained
  std::optional<ComparisonSweep> sweep;
};

nlohmann::ordered_json comparison_json(const ComparisonResults& results);

/// Writes comparison.json, report.html and figures/ into the existing `directory`. Returns an empty text, or
/// one sentence that says why there are no figures.
std::string write_comparison(const ComparisonResults& results, const std::filesystem::path& directory);

}  // namespace turnpike
