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
  const bool of_schedule = key == "optimizer.step_every" || key == "optimizer.step_factor";
  if (of_schedule && config.optimizer.schedule != "step") {
    return fmt::format("optimizer.schedule = {}, not step", config.optimizer.schedule);
  }
  const bool of_adam = key == "optimizer.beta1" || key == "optimizer.beta2" || key == "optimizer.epsilon";
  if (of_adam && config.optimizer.name == "sgd") {
    return "optimizer.name = sgd takes the gradient alone";
  }
  if (key == "optimizer.finish_iterations" && config.optimizer.finish == "none") {
    return "optimizer.finish = none";
  }
  if (key == "control.extend_every" && config.control.extend_by == 0) {
    return "control.extend_by = 0";
  }
  if (key == "control.stiffness" && config.control.initialization != "contractive") {
    return fmt::format("control.initialization = {}, not contractive", config.control.initialization);
  }
  const bool of_two_layers = key == "field.hidden" || key == "field.outer_activation";
  if (of_two_layers && config.field.kind == "single-layer") {
    return "field.kind = single-layer has one layer";
  }
  if (key == "cost.gamma" && config.cost.terminal == "none") {
    return "cost.terminal = none";
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
