#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "turnpike/ensemble.hpp"

namespace turnpike {

struct CsvOptions {
  std::string label;                 ///< the class column by name, or by number from 0; empty for the last
  std::vector<std::string> classes;  ///< known classes; empty to take those of the file, sorted
};

/// Reads samples from a CSV file: one row a sample, one column a feature, one column the class. Separators
/// are commas, semicolons or tabs, whichever the first line has; fields may stand in double quotes; a first
/// line in which a feature is no number is the header. Classes are sorted as numbers when all are numbers,
/// else as text. −0 becomes +0.
///
/// A regular file is read twice, line by line, first to count and then for the features: no more of it is
/// held than the result.
///
/// Throws InputError, naming the line and the column, for: a missing or empty file, a ragged row, a
/// feature that is no finite number in T, an unknown label column, a single class, a class that is not in
/// `options.classes`.
template <class T = double>
Dataset<T> read_csv(const std::filesystem::path& file, const CsvOptions& options);

/// A text as a CSV field: in double quotes where it holds a separator or a quotation mark.
std::string csv_field(const std::string& text);

/// The samples as CSV with one header line: features (17 significant digits), then the class name.
std::string to_csv(const Dataset<double>& data);

/// x ↦ (x − mean)/scale, feature by feature. Empty vectors stand for the identity.
struct Standardization {
  std::vector<double> mean;
  std::vector<double> scale;

  /// Changes the features in place; each is computed in double. Throws InputError when there are more or
  /// fewer of them.
  template <class T>
  void apply(Dataset<T>& data) const;
};

/// Mean and standard deviation of each feature, summed in double; a constant feature keeps scale 1.
template <class T>
Standardization standardization_of(const Dataset<T>& data);

/// Sets aside round(fraction · count) samples of each class, chosen by `seed`: {rest, set aside}. Throws
/// InputError when a class would be left without a training sample.
template <class T>
std::pair<Dataset<T>, Dataset<T>> split(const Dataset<T>& data, double fraction, std::uint64_t seed);

/// The first `count` samples, or all where there are no more.
template <class T>
Dataset<T> first_samples(const Dataset<T>& data, Index count);

/// `data` in precision To.
template <class To, class From>
Dataset<To> cast(const Dataset<From>& data);

}  // namespace turnpike
