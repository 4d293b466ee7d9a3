#pragma once

#include <string>
#include <string_view>

#include "turnpike/config.hpp"

namespace turnpike {

/// Why the other keys of `config` leave `key` without effect, as the end of a sentence; empty where it has
/// one. Keys of [data] are check_config's.
std::string idle_reason(const RunConfig& config, std::string_view key);

/// Throws InputError for a key without effect that is set otherwise than by the recipe of data.source.
void check_idle_keys(const RunConfig& config);

}  // namespace turnpike
