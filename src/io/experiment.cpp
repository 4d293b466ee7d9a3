#include "turnpike/experiment.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>

#include "turnpike/error.hpp"
#include "turnpike/idx_file.hpp"
#include "turnpike/random.hpp"
#include "turnpike/two_spirals.hpp"

namespace turnpike {

namespace {

TwoSpiralsOptions spirals_of(const RunConfig& config) {
  return {.per_class = config.data.per_class,
          .turns = config.data.turns,
          .scale = config.data.scale,
          .noise = config.data.noise,
          .seed = static_cast<std::uint64_t>(config.run.seed)};
}

template <class T>
void demand_same_features(const Dataset<T>& test, const Dataset<T>& train, const RunConfig::Data& data) {
  if (test.feature_count() != train.feature_count()) {
    throw InputError(fmt::format("{} has {} features, but {} has {}; give files with the same columns",
                                 data.test_path, test.feature_count(), data.path, train.feature_count()));
  }
}

template <class T>
void demand_same_shape(const Dataset<T>& test, const ImageShape& image, const std::string& test_path,
                       const std::string& path) {
  if (test.image.rows != image.rows || test.image.columns != image.columns) {
    throw InputError(
        fmt::format("'{}' holds images of {} × {} pixels, but {} has {} × {}; give images of one shape",
                    test_path, test.image.rows, test.image.columns, path, image.rows, image.columns));
  }
}

template <class T>
void set_test_aside(Experiment<T>& e) {
  auto [train, test] =
      split(e.train, e.config.data.test_fraction, static_cast<std::uint64_t>(e.config.run.seed));
  e.train = std::move(train);
  e.test = std::move(test);
}

template <class T>
void load_pictures(Experiment<T>& e, const std::vector<std::string>& classes) {
  const auto& data = e.config.data;
  MnistFiles files{data.path, data.labels, data.test_path, data.test_labels};
  if (data.source == "mnist") {
    files = find_mnist(data.path);
  }
  e.train = read_idx<T>(files.train_images, files.train_labels, {data.scale_pixels, classes});
  if (!files.test_images.empty()) {
    e.test = read_idx<T>(files.test_images, files.test_labels, {data.scale_pixels, e.train.classes});
    demand_same_shape(e.test, e.train.image, files.test_images.string(),
                      fmt::format("'{}'", files.train_images.string()));
  } else if (data.test_fraction > 0) {
    set_test_aside(e);
  }
}

/// `hash` with the bytes of `values` mixed in, eight at a time.
template <class Value>
std::uint64_t mixed(std::uint64_t hash, std::span<const Value> values) {
  const std::span<const std::byte> bytes = std::as_bytes(values);
  for (std::size_t i = 0; i < bytes.size(); i += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, std::min(sizeof word, bytes.size() - i));
    hash = (hash ^ word) * 0x9E3779B97F4A7C15U;
    hash ^= hash >> 32U;
  }
  return hash;
}

template <class T>
std::uint64_t fingerprint_of(const Experiment<T>& e) {
  std::uint64_t hash = 1;
  for (const Dataset<T>* data : {&e.train, &e.test}) {
    const std::vector<std::int64_t> shape = {data->feature_count(), data->size()};
    hash = mixed<std::int64_t>(hash, shape);
    hash = mixed<T>(hash, {data->features.data(), static_cast<std::size_t>(data->features.size())});
    hash = mixed<int>(hash, data->labels);
  }
  return hash;
}

template <class T>
void load_files(Experiment<T>& e, const std::vector<std::string>& classes) {
  const auto& data = e.config.data;
  if (has_pictures(e.config)) {
    load_pictures(e, classes);
    return;
  }
  e.train = read_csv<T>(data.path, {.label = data.label, .classes = classes});
  if (!data.test_path.empty()) {
    e.test = read_csv<T>(data.test_path, {.label = data.label, .classes = e.train.classes});
    demand_same_features(e.test, e.train, data);
  } else if (data.test_fraction > 0) {
    set_test_aside(e);
  }
}

/// Train and test samples as the source has them, with `classes` where they are known already.
template <class T>
void load_data(Experiment<T>& e, const std::vector<std::string>& classes) {
  if (e.config.data.source == "two-spirals") {
    e.train = two_spirals<T>(spirals_of(e.config));
    e.test = two_spirals_test<T>(spirals_of(e.config));
    return;
  }
  load_files(e, classes);
  e.fingerprint = fingerprint_of(e);
}

/// Other samples for a stored model.
template <class T>
void load_other_data(Experiment<T>& e, const ModelInfo& model, const std::filesystem::path& other) {
  if (has_pictures(model.config)) {
    auto& source = e.config.data;
    source.path = other.string();
    source.test_path = source.test_labels = {};
    source.test_fraction = 0;
    check_config(e.config);
    load_pictures(e, model.classes);
    demand_same_shape(e.train, model.image, other.string(), "the model");
    return;
  }
  e.train = read_csv<T>(other, {.label = model.config.data.label, .classes = model.classes});
  if (e.train.feature_count() != static_cast<Index>(model.feature_names.size())) {
    throw InputError(fmt::format("{} has {} features, but the model was trained with {}", other.string(),
                                 e.train.feature_count(), model.feature_names.size()));
  }
}

template <class T>
void standardize(Experiment<T>& e) {
  e.standardization.apply(e.train);
  if (e.test.size() > 0) {
    e.standardization.apply(e.test);
  }
}

/// Whether the features of `config` have to be standardized in double: a large mean would take the digits of
/// a float. Pixels have few digits.
bool needs_double(const RunConfig& config, bool standardized) {
  return standardized && !has_pictures(config);
}

template <class T>
Experiment<T> cast_experiment(Experiment<double>&& e) {
  Experiment<T> result{
      std::move(e.config), cast<T>(e.train), {}, std::move(e.standardization), e.fingerprint};
  e.train = {};  // before the next is converted
  result.test = cast<T>(e.test);
  return result;
}

/// Fills in what depends on the data and checks what can only be checked with them.
template <class T>
void resolve(Experiment<T>& e) {
  RunConfig& c = e.config;
  check_config(c);
  const Index classes = e.train.class_count();
  const Index features = e.train.feature_count();
  c.field.state = c.field.state.value_or(std::max(features, classes));
  if (*c.field.state < std::max(features, classes)) {
    throw InputError(fmt::format("field.state = {}, but {} features and {} classes need at least {}",
                                 *c.field.state, features, classes, std::max(features, classes)));
  }
  c.control.horizon = c.control.horizon.value_or(
      c.control.nodes.empty() ? static_cast<double>(c.control.intervals) : c.control.nodes.back());
  if (c.cost.components.empty()) {
    c.cost.components = first_components(classes);
  }
  if (static_cast<Index>(c.cost.components.size()) != classes) {
    throw InputError(fmt::format("cost.components names {} components for {} classes; name one a class",
                                 c.cost.components.size(), classes));
  }
  for (const Index component : c.cost.components) {
    if (component >= *c.field.state) {
      throw InputError(fmt::format("cost.components names component {}, but the state has components 0 to {}",
                                   component, *c.field.state - 1));
    }
  }
  auto& o = c.optimizer;
  if (o.batch_of_recipe) {
    o.batch = std::min<std::int64_t>(o.batch, e.train.size());
  }
  if (o.warmup_of_recipe) {
    const std::int64_t steps = o.epochs * (o.batch == 0 ? 1 : (e.train.size() + o.batch - 1) / o.batch);
    o.warmup = o.warmup > steps ? steps / 10 : o.warmup;
  }
  if (o.batch > e.train.size()) {
    throw InputError(fmt::format("optimizer.batch = {}, but there are {} training samples; give at most that",
                                 c.optimizer.batch, e.train.size()));
  }
}

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

template <class T>
ModelInfo Experiment<T>::model_info() const {
  RunConfig stored = config;
  stored.run.threads = 1;  // never changes a result, so it does not change the file
  return {stored, train.classes, train.feature_names, standardization, train.image};
}

template <class T>
Experiment<T> load_experiment(const RunConfig& config) {
  if constexpr (!std::is_same_v<T, double>) {
    if (needs_double(config, config.data.standardize)) {
      return cast_experiment<T>(load_experiment<double>(config));
    }
  }
  check_config(config);
  Experiment<T> e;
  e.config = config;
  load_data(e, {});
  if (config.data.standardize) {
    e.standardization = standardization_of(e.train);
    standardize(e);
  }
  resolve(e);
  return e;
}

template <class T>
Experiment<T> load_experiment(const ModelInfo& model, const std::filesystem::path& data) {
  if constexpr (!std::is_same_v<T, double>) {
    if (needs_double(model.config, !model.standardization.mean.empty())) {
      return cast_experiment<T>(load_experiment<double>(model, data));
    }
  }
  Experiment<T> e;
  e.config = model.config;
  if (data.empty()) {
    load_data(e, model.classes);
  } else {
    load_other_data(e, model, data);
  }
  e.standardization = model.standardization;
  standardize(e);
  if (!data.empty()) {
    e.config.optimizer.batch = 0;  // of the training samples, which these are not
  }
  resolve(e);
  return e;
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

/// F(x) = −S σ(x − c_k) in each interval, by h S = diag(s, s/2, …, s/n): at the equilibrium c_k the field
/// contracts at rates from s/n to s = `stiffness` an interval, if σ'(0) = 1. The components of c_k are from
/// U(−1, 1). With one layer, F(x) = σ(−S (x − c_k)).
template <class T>
void make_contractive(const RunConfig& config, Control<T>& u) {
  const Index n = *config.field.state;
  if (config.field.kind == "two-layer" && config.field.hidden < n) {
    throw InputError(fmt::format(
        "control.initialization = contractive needs field.hidden of at least field.state = {}, not {}", n,
        config.field.hidden));
  }
  const double h = *config.control.horizon / static_cast<double>(config.control.intervals);
  Random random(static_cast<std::uint64_t>(config.run.seed), RandomPurpose::initialization);
  for (Index k = 0; k < u.intervals(); ++k) {
    for (Index i = 0; i < n; ++i) {
      const double rate = -config.control.stiffness / (h * static_cast<double>(i + 1));
      const double target = random.uniform(-1.0, 1.0);
      for (const ControlBlock& block : u.layout().blocks()) {
        T* const entries = u.interval(k) + block.offset;
        const bool inner = block.name == "A1" || block.name == "b1";
        const double diagonal = inner ? 1 : rate;
        if (!block.vector) {
          entries[i * block.columns + i] = static_cast<T>(diagonal);
        } else if (block.name != "b2") {
          entries[i] = static_cast<T>(-diagonal * target);
        }
      }
    }
  }
}

template <class T>
Control<T> initial_control(const RunConfig& config, const ProblemDefinition<T>& definition) {
  Control<T> u(definition.field->layout(), definition.grid.intervals());
  if (config.control.initialization == "zero") {
    return u;
  }
  if (config.control.initialization == "contractive") {
    make_contractive(config, u);
    return u;
  }
  const bool second_layer_zero = config.control.initialization == "second-layer-zero";
  const bool two_layer = config.field.kind == "two-layer";
  Random random(static_cast<std::uint64_t>(config.run.seed), RandomPurpose::initialization);
  for (Index k = 0; k < u.intervals(); ++k) {
    Index fan_in = 1;  // of the layer whose weights come before its bias
    for (const ControlBlock& block : u.layout().blocks()) {
      if (!block.vector) {
        fan_in = block.columns;
      }
      const bool second = block.name == "A2" || block.name == "b2";
      const double tenth = second_layer_zero && !two_layer ? 0.1 : 1.0;
      const double bound = tenth / std::sqrt(static_cast<double>(fan_in));
      for (Index i = 0; i < block.rows * block.columns; ++i) {
        if (!(second_layer_zero && second)) {
          u.interval(k)[block.offset + i] = static_cast<T>(random.uniform(-bound, bound));
        }
      }
    }
  }
  return u;
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

template struct Experiment<float>;
template struct Experiment<double>;
template Experiment<float> load_experiment(const RunConfig&);
template Experiment<double> load_experiment(const RunConfig&);
template Experiment<float> load_experiment(const ModelInfo&, const std::filesystem::path&);
template Experiment<double> load_experiment(const ModelInfo&, const std::filesystem::path&);
template ProblemDefinition<float> make_definition(const RunConfig&, Index, const IntegratorRegistry&);
template ProblemDefinition<double> make_definition(const RunConfig&, Index, const IntegratorRegistry&);
template Control<float> initial_control(const RunConfig&, const ProblemDefinition<float>&);
template Control<double> initial_control(const RunConfig&, const ProblemDefinition<double>&);

}  // namespace turnpike
