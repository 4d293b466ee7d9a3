#include "turnpike/model_file.hpp"

#include <fmt/format.h>
#include <cmath>
#include <nlohmann/json.hpp>

#include "turnpike/error.hpp"

namespace turnpike {

namespace {

using nlohmann::json;

std::vector<std::int64_t> shape_of(const ControlBlock& block, Index intervals) {
  if (block.vector) {
    return {intervals, block.rows};
  }
  return {intervals, block.rows, block.columns};
}

template <class From, class T>
void copy_block(const std::vector<From>& values, const ControlBlock& block, const std::filesystem::path& file,
                Control<T>& u) {
  const Index size = block.rows * block.columns;
  for (Index k = 0; k < u.intervals(); ++k) {
    for (Index i = 0; i < size; ++i) {
      const From value = values[static_cast<std::size_t>(k * size + i)];
      if (!std::isfinite(value)) {
        throw InputError(fmt::format("the tensor '{}' in '{}' holds NaN or Inf in interval {}; train again",
                                     block.name, file.string(), k));
      }
      u.interval(k)[block.offset + i] = static_cast<T>(value);
    }
  }
}

ImageShape image_of(const json& description) {
  if (!description.contains("image")) {
    return {};
  }
  const json& image = description.at("image");
  return {image.at(0).get<Index>(), image.at(1).get<Index>()};
}

}  // namespace

template <class T>
std::vector<Tensor> control_tensors(const Control<T>& u) {
  std::vector<Tensor> tensors;
  for (const ControlBlock& block : u.layout().blocks()) {
    std::vector<T> values;
    for (Index k = 0; k < u.intervals(); ++k) {
      const T* const first = u.interval(k) + block.offset;
      values.insert(values.end(), first, first + block.rows * block.columns);
    }
    tensors.push_back(make_tensor(block.name, shape_of(block, u.intervals()), values));
  }
  return tensors;
}

template <class T>
void read_control(const Safetensors& contents, const std::filesystem::path& file, Control<T>& u) {
  for (const ControlBlock& block : u.layout().blocks()) {
    const Tensor& tensor = contents.tensor(block.name, file);
    const std::vector<std::int64_t> expected = shape_of(block, u.intervals());
    if (tensor.shape != expected) {
      throw InputError(
          fmt::format("the tensor '{}' in '{}' has shape [{}] where the model's configuration "
                      "needs [{}]; give the model file as it was written",
                      block.name, file.string(), fmt::join(tensor.shape, ", "), fmt::join(expected, ", ")));
    }
    if (tensor.dtype == "F32") {
      copy_block(tensor_values<float>(tensor, file), block, file, u);
    } else {
      copy_block(tensor_values<double>(tensor, file), block, file, u);
    }
  }
}

template <class T>
void write_model(const std::filesystem::path& file, const ModelInfo& info, const Control<T>& u) {
  json description = {
      {"format", 1},
      {"version", TURNPIKE_VERSION},
      {"config", json::parse(to_json(info.config))},
      {"classes", info.classes},
      {"feature_names", info.feature_names},
      {"standardization", {{"mean", info.standardization.mean}, {"scale", info.standardization.scale}}}};
  if (info.image.rows > 0) {
    description["image"] = {info.image.rows, info.image.columns};
  }
  write_safetensors(file, {control_tensors(u), {{"turnpike", description.dump()}}});
}

/// The configuration in a model file, which a program wrote: what is wrong in it is damage.
RunConfig config_of(const json& config, const std::filesystem::path& file) {
  try {
    return config_from_json(config.dump());
  } catch (const InputError& error) {
    throw InputError(fmt::format("the model file '{}' is damaged, or of another version: {}", file.string(),
                                 error.what()));
  }
}

ModelInfo model_info(const Safetensors& contents, const std::filesystem::path& file) {
  const json description = json::parse(contents.entry("turnpike"), nullptr, false);
  try {
    if (description.at("format") != 1) {
      throw InputError(fmt::format("the model file '{}' has format {}; this version reads format 1",
                                   file.string(), description.at("format").dump()));
    }
    const json& standardization = description.at("standardization");
    return {config_of(description.at("config"), file),
            description.at("classes").get<std::vector<std::string>>(),
            description.at("feature_names").get<std::vector<std::string>>(),
            {standardization.at("mean").get<std::vector<double>>(),
             standardization.at("scale").get<std::vector<double>>()},
            image_of(description)};
  } catch (const json::exception&) {
    throw InputError(
        fmt::format("'{}' does not say how it was trained (no metadata of turnpike); give a "
                    "model.safetensors of a run directory",
                    file.string()));
  }
}

template std::vector<Tensor> control_tensors(const Control<float>&);
template std::vector<Tensor> control_tensors(const Control<double>&);
template void read_control(const Safetensors&, const std::filesystem::path&, Control<float>&);
template void read_control(const Safetensors&, const std::filesystem::path&, Control<double>&);
template void write_model(const std::filesystem::path&, const ModelInfo&, const Control<float>&);
template void write_model(const std::filesystem::path&, const ModelInfo&, const Control<double>&);

}  // namespace turnpike
