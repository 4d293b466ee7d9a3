#include "io/idle_keys.hpp"

#include <fmt/format.h>

#include "io/config_table.hpp"
#include "turnpike/error.hpp"

namespace turnpike {

std::string idle_reason(const RunConfig& config, std::string_view key) {
  const auto no_cost_is = [&config](std::string_view kind) {
    return config.cost.stage == kind || config.cost.terminal == kind
               ? std::string()
               : fmt::format("neither cost.stage = {} nor cost.terminal = {} is {}", config.cost.stage,
                             config.cost.terminal, kind);
  };
  if (key == "cost.targets") {
    return no_cost_is("quadratic");
  }
  if (key == "cost.p_d") {
    return no_cost_is("soft-cross-entropy");
  }
  if (key == "run.snapshots" && config.run.recomputation == "none") {
    return "run.recomputation = none keeps every state";
  }
  return {};
}

void check_idle_keys(const RunConfig& config) {
  const RunConfig usual = recipe(config.data.source);
  for (const ConfigKey& key : config_table()) {
    const std::string reason = idle_reason(config, key.name);
    if (!reason.empty() && key.get(config) != key.get(usual)) {
      throw InputError(fmt::format("{} = {} has no effect here because {}; leave it unset", key.name,
                                   shown(key.get(config)), reason));
    }
  }
}

}  // namespace turnpike
