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
/// Throws InputError, naming the line and the column, for: a missing or empty file, a ragged row, a
/// feature that is no finite number, an unknown label column, a single class, a class that is not in
/// `options.classes`.
Dataset<double> read_csv(const std::filesystem::path& file, const CsvOptions& options);

/// A text as a CSV field: in double quotes where it holds a separator or a quotation mark.
std::string csv_field(const std::string& text);

/// The samples as CSV with one header line: features (17 significant digits), then the class name.
std::string to_csv(const Dataset<double>& data);

/// x ↦ (x − mean)/scale, feature by feature. Empty vectors stand for the identity.
struct Standardization {
  std::vector<double> mean;
  std::vector<double> scale;

  void apply(Dataset<double>& data) const;
};

/// Mean and standard deviation of each feature; a constant feature keeps scale 1.
Standardization standardization_of(const Dataset<double>& data);

/// Sets aside round(fraction · count) samples of each class, chosen by `seed`: {rest, set aside}. Throws
/// InputError when a class would be left without a training sample.
std::pair<Dataset<double>, Dataset<double>> split(const Dataset<double>& data, double fraction,
                                                  std::uint64_t seed);

}  // namespace turnpike
