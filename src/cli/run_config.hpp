#pragma once

#include <string>

#include "turnpike/config.hpp"
#include "turnpike/run_directory.hpp"

namespace turnpike::cli {

/// Keeps `config` as what `run` is begun with, once for its owner, who may edit it, and once to compare.
void write_config(const RunDirectory& run, const RunConfig& config);

/// Throws InputError when `config` is not what `run` was begun with: half of the training would be another
/// one.
void demand_unchanged(const RunDirectory& run, const RunConfig& config);

/// Makes both of the run's configurations say that its samples are at `path` now (see move_data).
void write_place(const RunDirectory& run, const std::string& path);

}  // namespace turnpike::cli
