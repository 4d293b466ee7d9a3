#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace turnpike {

/// A study value by value: of the seeds whose training did not fail the one with the lowest V (`best`, a row
/// without its trajectory), the range of #Q̄_ε over them, and how many failed. Of a study of optimality row by
/// row: the gap V − best V, best over all rows.
nlohmann::ordered_json study_summary(const nlohmann::ordered_json& study);

/// What a page shows of a study: the study, its `summary`, where the axis of layers or time outside ends
/// (`outside_limit`; seeds beyond are drawn at the edge), whether the axis of the values is logarithmic
/// (`logarithmic_axis`), and no trajectories but those that are drawn.
nlohmann::ordered_json study_page(const nlohmann::ordered_json& study);

/// Writes report.html and figures/ into the existing `directory`. Returns an empty text, or one sentence that
/// says why there are no figures.
std::string write_study_report(const nlohmann::ordered_json& study, const std::filesystem::path& directory);

}  // namespace turnpike
