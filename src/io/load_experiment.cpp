#include "turnpike/experiment.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <span>
#include <type_traits>
#include <utility>

#include "io/fingerprint.hpp"
#include "turnpike/error.hpp"
#include "turnpike/idx_file.hpp"
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
  IdxOptions options{data.scale_pixels, classes};
  if (data.source == "mnist") {
    files = find_mnist(data.path);
    options.most_classes = 10;
  }
  e.train = read_idx<T>(files.train_images, files.train_labels, options);
  if (!files.test_images.empty()) {
    e.test = read_idx<T>(files.test_images, files.test_labels, {data.scale_pixels, e.train.classes});
    demand_same_shape(e.test, e.train.image, files.test_images.string(),
                      fmt::format("'{}'", files.train_images.string()));
  } else if (data.test_fraction > 0) {
    set_test_aside(e);
  }
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
  std::error_code error;
  if (data.source != "mnist" &&
      std::filesystem::status(data.path, error).type() == std::filesystem::file_type::not_found) {
    throw InputError(
        fmt::format("the samples '{}' are not there; say where they are with --data", data.path));
  }
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

}  // namespace

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

template struct Experiment<float>;
template struct Experiment<double>;
template Experiment<float> load_experiment(const RunConfig&);
template Experiment<double> load_experiment(const RunConfig&);
template Experiment<float> load_experiment(const ModelInfo&, const std::filesystem::path&);
template Experiment<double> load_experiment(const ModelInfo&, const std::filesystem::path&);

}  // namespace turnpike
