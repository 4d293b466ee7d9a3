#include <fmt/format.h>

#include "turnpike/config.hpp"
#include "turnpike/error.hpp"

namespace turnpike {

std::vector<std::string> recipe_names() {
  return {"two-spirals",
          "two-spirals-ode",
          "two-spirals-implicit",
          "two-spirals-cvodes",
          "two-spirals-paper",
          "csv",
          "mnist",
          "idx"};
}

RunConfig recipe(std::string_view name) {
  RunConfig config;
  if (name == "two-spirals") {
    config.run.precision = "float";
    return config;
  }
  if (name == "two-spirals-paper") {
    // Section 6 of the paper to the letter: coordinates within [−1, 1], Adam with the constant learning
    // rate 0.1, no clipping, PyTorch's default start. It does not train.
    config.data.scale = 1;
    config.control.initialization = "uniform";
    config.optimizer.learning_rate = 0.1;
    config.optimizer.schedule = "constant";
    config.optimizer.clip = 0;
    config.optimizer.epochs = 2000;
    return config;
  }
  if (name == "two-spirals-implicit") {
    // One more component and a third of the horizon keep h‖J‖ where every stage equation has a solution near
    // its guess; with unit steps Newton fails within a few hundred epochs.
    config.field.state = 3;
    config.control.horizon = 10;
    config.integrator.name = "implicit-euler";
    config.integrator.substeps = 4;
    config.integrator.recovery = "bisect";
    config.optimizer.clip = 1;
    config.optimizer.epochs = 3000;
    return config;
  }
  if (name == "two-spirals-ode" || name == "two-spirals-cvodes") {
    // A control whose trajectories are those of the differential equation, whatever scheme follows them: see
    // docs/decisions/0006-a-model-that-is-an-ode.md.
    const bool cvodes = name == "two-spirals-cvodes";
    config.field.state = 3;
    config.control.horizon = 10;
    config.integrator.name = cvodes ? "cvodes-adams" : "dopri5";
    config.integrator.rtol = 1e-4;
    config.optimizer.learning_rate = 0.06;
    config.optimizer.clip = 1;
    config.optimizer.epochs = cvodes ? 1000 : 2000;
    return config;
  }
  if (name == "csv") {
    config.data.source = "csv";
    config.data.standardize = true;
    config.optimizer.learning_rate = 0.01;
    config.optimizer.clip = 1;
    config.optimizer.epochs = 2000;
    return config;
  }
  if (name == "mnist" || name == "idx") {
    config.data.source = name;
    config.field.hidden = 128;
    config.field.activation = "relu";
    config.control.intervals = 60;
    config.control.initialization = "uniform";
    config.cost.p_d = 0.91;
    config.cost.r = 1e-5;
    config.cost.gamma = 1;
    config.optimizer.learning_rate = 1e-3;
    config.optimizer.warmup = 50;
    config.optimizer.clip = 0;
    config.optimizer.epochs = 6;
    config.optimizer.batch = 256;
    config.optimizer.batch_of_recipe = true;
    config.optimizer.warmup_of_recipe = true;
    config.run.precision = "float";
    config.run.checkpoint_every = 1;
    return config;
  }
  throw InputError(fmt::format("unknown source '{}'{}", name, suggest_name(name, recipe_names())));
}

}  // namespace turnpike
