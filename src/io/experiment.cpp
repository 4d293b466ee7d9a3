#include "turnpike/experiment.hpp"

#include <fmt/format.h>
#include <type_traits>

#include "turnpike/error.hpp"

namespace turnpike {

namespace {

/// One target point a class, as columns.
State<double> quadratic_targets(const RunConfig& config, Index classes) {
  if (config.cost.targets.empty()) {
    return State<double>::Identity(classes, classes);
  }
  const auto& points = config.cost.targets;
  if (static_cast<Index>(points.size()) != classes) {
    throw InputError(
        fmt::format("cost.targets holds {} points for {} classes; give one a class", points.size(), classes));
  }
  State<double> targets(classes, classes);
  for (Index c = 0; c < classes; ++c) {
    const std::vector<double>& point = points[static_cast<std::size_t>(c)];
    if (static_cast<Index>(point.size()) != classes) {
      throw InputError(
          fmt::format("point {} of cost.targets has {} coordinates instead of {}", c, point.size(), classes));
    }
    for (Index i = 0; i < classes; ++i) {
      targets(i, c) = point[static_cast<std::size_t>(i)];
    }
  }
  return targets;
}

/// bf16 where it is configured, but for computations in double, which check those in lower precision. Throws
/// InputError for a scheme whose error estimate or Newton iteration would see the rounding alone.
template <class T>
ProductPrecision products_of(const RunConfig& config, const IntegratorRegistry& integrators) {
  if (config.run.precision != "bf16" || !std::is_same_v<T, float>) {
    return ProductPrecision::full;
  }
  const IntegratorTraits& traits = integrators.find(config.integrator.name).traits;
  if (traits.implicit || !traits.fixed_steps || config.integrator.rtol || config.integrator.atol) {
    throw InputError(
        fmt::format("run.precision = bf16 is for explicit schemes with equal steps, not for '{}'{}; choose "
                    "another, or set run.precision = float",
                    config.integrator.name, traits.implicit ? "" : " under error control"));
  }
  return ProductPrecision::bf16;
}

template <class T>
std::shared_ptr<const Cost<T>> make_cost(const std::string& kind, const RunConfig& config, Index classes) {
  if (kind == "none") {
    return nullptr;
  }
  if (kind == "cross-entropy") {
    return make_cross_entropy<T>(config.cost.components);
  }
  if (kind == "quadratic") {
    return make_quadratic_cost<T>(config.cost.components, quadratic_targets(config, classes));
  }
  return make_soft_cross_entropy<T>(config.cost.components, config.cost.p_d);
}

}  // namespace

IntegratorOptions integrator_options(const RunConfig& config) {
  std::optional<AdjointKind> adjoint;
  if (config.integrator.adjoint) {
    adjoint = *config.integrator.adjoint == "continuous" ? AdjointKind::continuous : AdjointKind::discrete;
  }
  return {.substeps = config.integrator.substeps,
          .rtol = config.integrator.rtol,
          .atol = config.integrator.atol,
          .adjoint = adjoint,
          .recovery = config.integrator.recovery == "bisect" ? Recovery::bisect : Recovery::none};
}

bool has_smooth_activations(const RunConfig& config) {
  const bool outer =
      config.field.kind == "single-layer" || is_smooth(activation_from_name(config.field.outer_activation));
  return outer && is_smooth(activation_from_name(config.field.activation));
}

template <class T>
ProblemDefinition<T> make_definition(const RunConfig& config, Index classes,
                                     const IntegratorRegistry& integrators) {
  ProblemDefinition<T> definition;
  const Activation inner = activation_from_name(config.field.activation);
  const ProductPrecision products = products_of<T>(config, integrators);
  if (config.field.kind == "two-layer") {
    definition.field = make_two_layer_field<T>(*config.field.state, config.field.hidden, inner,
                                               activation_from_name(config.field.outer_activation), products);
  } else {
    definition.field = make_single_layer_field<T>(*config.field.state, inner, products);
  }
  definition.grid = config.control.nodes.empty()
                        ? TimeGrid::uniform(config.control.intervals, *config.control.horizon)
                        : TimeGrid(config.control.nodes);
  definition.integrator = integrators.make<T>(config.integrator.name, integrator_options(config));
  definition.running = make_cost<T>(config.cost.stage, config, classes);
  definition.terminal = make_cost<T>(config.cost.terminal, config, classes);
  definition.gamma = config.cost.gamma;
  definition.r = config.cost.r;
  definition.quadrature = config.cost.quadrature == "nodes" ? Quadrature::nodes : Quadrature::scheme;
  definition.tile = config.run.tile;
  definition.threads = config.run.threads;
  definition.recomputation = config.run.recomputation == "every"      ? Recomputation::every
                             : config.run.recomputation == "binomial" ? Recomputation::binomial
                                                                      : Recomputation::none;
  definition.snapshots = config.run.snapshots;
  if (definition.running && definition.quadrature == Quadrature::scheme &&
      definition.integrator->traits().negative_weights && !config.integrator.rtol) {
    throw InputError(
        fmt::format("'{}' has negative weights, so fixed steps can drive the computed running "
                    "cost below zero; set cost.quadrature = nodes{}",
                    config.integrator.name,
                    integrators.find(config.integrator.name).traits.adaptive ? " or integrator.rtol" : ""));
  }
  return definition;
}

TrainerOptions trainer_options(const RunConfig& config) {
  const auto& o = config.optimizer;
  TrainerOptions options;
  options.optimizer.kind = o.name == "adam"    ? OptimizerKind::adam
                           : o.name == "adamw" ? OptimizerKind::adamw
                                               : OptimizerKind::sgd;
  options.optimizer.beta1 = o.beta1;
  options.optimizer.beta2 = o.beta2;
  options.optimizer.epsilon = o.epsilon;
  options.optimizer.weight_decay = o.weight_decay;
  options.learning_rate = o.learning_rate;
  options.schedule = o.schedule == "cosine" ? Schedule::cosine
                     : o.schedule == "step" ? Schedule::step
                                            : Schedule::constant;
  options.warmup = o.warmup;
  options.schedule_period = o.step_every;
  options.schedule_factor = o.step_factor;
  options.clip = o.clip;
  options.epochs = o.epochs;
  options.batch = o.batch;
  options.seed = static_cast<std::uint64_t>(config.run.seed);
  options.finish_iterations = o.finish == "lbfgs" ? o.finish_iterations : 0;
  return options;
}

template ProblemDefinition<float> make_definition(const RunConfig&, Index, const IntegratorRegistry&);
template ProblemDefinition<double> make_definition(const RunConfig&, Index, const IntegratorRegistry&);

}  // namespace turnpike
