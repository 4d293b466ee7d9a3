#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "turnpike/config.hpp"
#include "turnpike/control.hpp"
#include "turnpike/dataset_file.hpp"

namespace turnpike {

/// A tensor of a safetensors file: its bytes are little-endian, row by row.
struct Tensor {
  std::string name;
  std::string dtype;                ///< "F32", "F64" or "I64"
  std::vector<std::int64_t> shape;  ///< empty for a single number
  std::string bytes;
};

struct Safetensors {
  std::vector<Tensor> tensors;
  std::vector<std::pair<std::string, std::string>> metadata;

  /// The tensor called `name`; throws InputError, naming `file`, when there is none.
  [[nodiscard]] const Tensor& tensor(const std::string& name, const std::filesystem::path& file) const;
  /// The metadata entry called `name`, or an empty string.
  [[nodiscard]] std::string entry(const std::string& name) const;
};

/// Writes a safetensors file atomically (format: an 8-byte length, a JSON header, the tensors' bytes). Throws
/// InputError when the place cannot be written.
void write_safetensors(const std::filesystem::path& file, const Safetensors& contents);

/// Reads a safetensors file. Throws InputError, naming the file and what is wrong, for one that is cut
/// short, has trailing bytes, a damaged header, or tensors that overlap or do not fit their shapes.
Safetensors read_safetensors(const std::filesystem::path& file);

/// A vector of T as a tensor; its size is the product of the shape.
template <class T>
Tensor make_tensor(std::string name, std::vector<std::int64_t> shape, const std::vector<T>& values);
/// The entries of a tensor of type T. Throws InputError, naming `file`, when the type is another.
template <class T>
std::vector<T> tensor_values(const Tensor& tensor, const std::filesystem::path& file);

/// The blocks of a control as tensors A1 (K×h×n), b1 (K×h), …
template <class T>
std::vector<Tensor> control_tensors(const Control<T>& u);
/// The reverse, from F32 or F64. Throws InputError when a tensor is missing or its shape does not fit.
template <class T>
void read_control(const Safetensors& contents, const std::filesystem::path& file, Control<T>& u);

/// A model without its control: everything that is needed to repeat its predictions and objective.
struct ModelInfo {
  RunConfig config;  ///< resolved
  std::vector<std::string> classes;
  std::vector<std::string> feature_names;
  Standardization standardization;
  ImageShape image;  ///< of the samples, where they are pictures
};

/// The model as safetensors: the control's blocks, and the metadata string "turnpike" as JSON.
template <class T>
void write_model(const std::filesystem::path& file, const ModelInfo& info, const Control<T>& u);

/// What the metadata of a model file hold. Throws InputError for a file that is no turnpike model.
ModelInfo model_info(const Safetensors& contents, const std::filesystem::path& file);

}  // namespace turnpike
