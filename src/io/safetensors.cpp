#include <fmt/format.h>
#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "io/text_file.hpp"
#include "turnpike/error.hpp"
#include "turnpike/model_file.hpp"

namespace turnpike {

static_assert(std::endian::native == std::endian::little, "safetensors are little-endian");

namespace {

using nlohmann::json;

[[noreturn]] void damaged(const std::filesystem::path& file, const std::string& what) {
  throw InputError(
      fmt::format("the model file '{}' is damaged: {}; write or copy it again", file.string(), what));
}

std::size_t size_of(const std::string& dtype) {
  return dtype == "F32" ? 4 : dtype == "F64" || dtype == "I64" ? 8 : 0;
}

template <class T>
constexpr const char* dtype_of() {
  if constexpr (std::is_same_v<T, float>) {
    return "F32";
  } else if constexpr (std::is_same_v<T, double>) {
    return "F64";
  } else {
    static_assert(std::is_same_v<T, std::int64_t>);
    return "I64";
  }
}

/// Checks one entry of the header and cuts its bytes out of `body`.
Tensor read_tensor(const std::string& name, const json& entry, std::string_view body,
                   const std::filesystem::path& file) {
  const bool complete = entry.is_object() && entry.contains("dtype") && entry["dtype"].is_string() &&
                        entry.contains("shape") && entry["shape"].is_array() &&
                        entry.contains("data_offsets") && entry["data_offsets"].is_array() &&
                        entry["data_offsets"].size() == 2 && entry["data_offsets"][0].is_number_unsigned() &&
                        entry["data_offsets"][1].is_number_unsigned();
  if (!complete) {
    damaged(file, fmt::format("the header's entry of tensor '{}' is incomplete", name));
  }
  Tensor tensor{name, entry["dtype"].get<std::string>(), {}, {}};
  if (size_of(tensor.dtype) == 0) {
    throw InputError(fmt::format("the tensor '{}' in '{}' has type {}; F32 and F64 can be read", name,
                                 file.string(), tensor.dtype));
  }
  std::uint64_t count = 1;
  for (const json& extent : entry["shape"]) {
    if (!extent.is_number_unsigned() || extent.get<std::uint64_t>() > (1ULL << 40U) ||
        count > (1ULL << 40U)) {
      damaged(file, fmt::format("the shape of tensor '{}' is no list of sizes", name));
    }
    tensor.shape.push_back(extent.get<std::int64_t>());
    count *= extent.get<std::uint64_t>();
  }
  const auto first = entry["data_offsets"][0].get<std::uint64_t>();
  const auto last = entry["data_offsets"][1].get<std::uint64_t>();
  if (first > last || last > body.size()) {
    damaged(file,
            fmt::format("tensor '{}' ends at byte {} of {}; the file is cut short", name, last, body.size()));
  }
  if (last - first != count * size_of(tensor.dtype)) {
    damaged(file, fmt::format("tensor '{}' has {} bytes where its shape needs {}", name, last - first,
                              count * size_of(tensor.dtype)));
  }
  tensor.bytes = body.substr(first, last - first);
  return tensor;
}

}  // namespace

const Tensor& Safetensors::tensor(const std::string& name, const std::filesystem::path& file) const {
  const auto found =
      std::find_if(tensors.begin(), tensors.end(), [&](const Tensor& tensor) { return tensor.name == name; });
  if (found == tensors.end()) {
    throw InputError(
        fmt::format("'{}' holds no tensor '{}'; give a file written by turnpike", file.string(), name));
  }
  return *found;
}

std::string Safetensors::entry(const std::string& name) const {
  for (const auto& [key, value] : metadata) {
    if (key == name) {
      return value;
    }
  }
  return {};
}

void write_safetensors(const std::filesystem::path& file, const Safetensors& contents) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  nlohmann::ordered_json metadata = nlohmann::ordered_json::object();
  for (const auto& [key, value] : contents.metadata) {
    metadata[key] = value;
  }
  header["__metadata__"] = metadata;
  std::size_t offset = 0;
  for (const Tensor& tensor : contents.tensors) {
    header[tensor.name] = {{"dtype", tensor.dtype},
                           {"shape", tensor.shape},
                           {"data_offsets", {offset, offset + tensor.bytes.size()}}};
    offset += tensor.bytes.size();
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the format asks for tensors at multiples of 8 bytes
  const std::uint64_t length = text.size();
  std::string out(8, '\0');
  std::memcpy(out.data(), &length, 8);
  out += text;
  for (const Tensor& tensor : contents.tensors) {
    out += tensor.bytes;
  }
  write_file_atomically(file, out);
}

Safetensors read_safetensors(const std::filesystem::path& file) {
  const std::string text = read_text_file(file, "model file");
  if (text.size() < 8) {
    damaged(file, fmt::format("it has {} bytes, too few for a header", text.size()));
  }
  std::uint64_t length = 0;
  std::memcpy(&length, text.data(), 8);
  if (length > text.size() - 8) {
    damaged(file, fmt::format("its header should have {} bytes, but {} follow; it is cut short or no "
                              "safetensors file",
                              length, text.size() - 8));
  }
  const json header =
      json::parse(text.begin() + 8, text.begin() + 8 + static_cast<std::ptrdiff_t>(length), nullptr, false);
  if (!header.is_object()) {
    damaged(file, "its header is no JSON object");
  }
  const std::string_view body = std::string_view(text).substr(8 + length);
  Safetensors contents;
  std::size_t bytes = 0;
  for (const auto& [name, entry] : header.items()) {
    if (name != "__metadata__") {
      contents.tensors.push_back(read_tensor(name, entry, body, file));
      bytes += contents.tensors.back().bytes.size();
      continue;
    }
    if (!entry.is_object()) {
      damaged(file, "its metadata are no JSON object");
    }
    for (const auto& [key, value] : entry.items()) {
      if (!value.is_string()) {
        damaged(file, fmt::format("its metadata entry '{}' is no text", key));
      }
      contents.metadata.emplace_back(key, value.get<std::string>());
    }
  }
  if (bytes != body.size()) {
    damaged(file, fmt::format("its tensors take {} bytes, but {} follow the header", bytes, body.size()));
  }
  return contents;
}

template <class T>
Tensor make_tensor(std::string name, std::vector<std::int64_t> shape, const std::vector<T>& values) {
  Tensor tensor{std::move(name), dtype_of<T>(), std::move(shape), {}};
  tensor.bytes.resize(values.size() * sizeof(T));
  if (!values.empty()) {
    std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
  }
  return tensor;
}

template <class T>
std::vector<T> tensor_values(const Tensor& tensor, const std::filesystem::path& file) {
  if (tensor.dtype != dtype_of<T>()) {
    throw InputError(
        fmt::format("the tensor '{}' in '{}' has type {} instead of {}; set run.precision to match",
                    tensor.name, file.string(), tensor.dtype, dtype_of<T>()));
  }
  std::vector<T> values(tensor.bytes.size() / sizeof(T));
  if (!values.empty()) {
    std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  }
  return values;
}

template Tensor make_tensor(std::string, std::vector<std::int64_t>, const std::vector<float>&);
template Tensor make_tensor(std::string, std::vector<std::int64_t>, const std::vector<double>&);
template Tensor make_tensor(std::string, std::vector<std::int64_t>, const std::vector<std::int64_t>&);
template std::vector<float> tensor_values(const Tensor&, const std::filesystem::path&);
template std::vector<double> tensor_values(const Tensor&, const std::filesystem::path&);
template std::vector<std::int64_t> tensor_values(const Tensor&, const std::filesystem::path&);

}  // namespace turnpike
