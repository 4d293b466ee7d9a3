#include "turnpike/dataset_file.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string_view>

#include "io/csv_lines.hpp"
#include "turnpike/error.hpp"

namespace turnpike {

namespace {

std::size_t find_label_column(const CsvOptions& options, const std::vector<std::string>& header,
                              std::size_t columns, const std::filesystem::path& file) {
  if (options.label.empty()) {
    return columns - 1;
  }
  const auto found = std::find(header.begin(), header.end(), options.label);
  if (found != header.end()) {
    return static_cast<std::size_t>(found - header.begin());
  }
  const auto number = parse_number(options.label);
  if (number && *number >= 0 && *number < static_cast<double>(columns) && std::floor(*number) == *number) {
    return static_cast<std::size_t>(*number);
  }
  throw InputError(fmt::format(
      "{} has no column '{}'{}", file.string(), options.label,
      header.empty() ? fmt::format("; it has no header, so give a number from 0 to {}", columns - 1)
                     : suggest_name(options.label, header)));
}

/// Whether `text` is UTF-8 (RFC 3629, without its rarest exclusions), as the run's JSON files need it.
bool is_utf8(std::string_view text) {
  std::size_t following = 0;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (following > 0) {
      if ((byte & 0xC0U) != 0x80U) {
        return false;
      }
      --following;
    } else if (byte >= 0x80U) {
      following = byte >= 0xF5U ? 0 : byte >= 0xF0U ? 3 : byte >= 0xE0U ? 2 : byte >= 0xC2U ? 1 : 0;
      if (following == 0) {
        return false;
      }
    }
  }
  return following == 0;
}

/// Classes sorted as numbers when all are numbers, else as text.
std::vector<std::string> sorted_classes(const std::set<std::string>& names) {
  std::vector<std::string> classes(names.begin(), names.end());
  const bool numbers = std::all_of(classes.begin(), classes.end(),
                                   [](const std::string& name) { return parse_number(name).has_value(); });
  if (numbers) {
    std::stable_sort(classes.begin(), classes.end(), [](const std::string& a, const std::string& b) {
      return *parse_number(a) < *parse_number(b);
    });
  }
  return classes;
}

/// What a CSV file holds, apart from its features.
struct CsvLayout {
  std::vector<std::string> header;  // empty when the first line is a sample
  std::size_t columns = 0;
  std::size_t label = 0;  // column
  std::size_t rows = 0;
  std::set<std::string> classes;

  [[nodiscard]] std::string column(std::size_t j) const {
    return header.empty() ? fmt::format("column {}", j) : fmt::format("column '{}'", header[j]);
  }
};

/// Throws InputError when the line does not fit the file, or its class is missing.
void check_row(const CsvLine& line, const CsvLayout& layout, const std::filesystem::path& file) {
  if (line.fields.size() != layout.columns) {
    throw InputError(fmt::format("{}, line {}: {} fields instead of {}; give every row the same number",
                                 file.string(), line.number, line.fields.size(), layout.columns));
  }
  const std::string& name = line.fields[layout.label];
  if (name.empty()) {
    throw InputError(fmt::format("{}, line {}: {} holds no class; fill it in", file.string(), line.number,
                                 layout.column(layout.label)));
  }
  const auto number = parse_number(name);
  if (number && !std::isfinite(*number)) {
    throw InputError(
        fmt::format("{}, line {}: {} holds '{}' as class; give the sample's class or leave the "
                    "line out",
                    file.string(), line.number, layout.column(layout.label), name));
  }
  for (std::size_t j = 0; j < layout.columns; ++j) {
    if (!is_utf8(line.fields[j])) {
      throw InputError(
          fmt::format("{}, line {}: column {} holds bytes that are no UTF-8; save the file as UTF-8",
                      file.string(), line.number, j));
    }
  }
}

/// The first way through the file.
CsvLayout survey(CsvLines& lines, const CsvOptions& options, const std::filesystem::path& file) {
  CsvLayout layout;
  CsvLine line;
  if (!lines.next(line)) {
    throw InputError(fmt::format("{} is empty; give one row a sample", file.string()));
  }
  layout.columns = line.fields.size();
  if (layout.columns < 2) {
    throw InputError(
        fmt::format("{}, line {}: one column only; give at least one feature and the class, "
                    "separated by commas",
                    file.string(), line.number));
  }
  // A header holds no number, or names the label column; a row with some numbers is a sample with a mistake.
  const auto no_number = [](const std::string& field) { return !parse_number(field).has_value(); };
  const bool label_named =
      std::find(line.fields.begin(), line.fields.end(), options.label) != line.fields.end();
  bool there = true;
  if (label_named || std::all_of(line.fields.begin(), line.fields.end(), no_number)) {
    layout.header = line.fields;
    there = lines.next(line);
  }
  if (!std::all_of(layout.header.begin(), layout.header.end(),
                   [](const std::string& name) { return is_utf8(name); })) {
    throw InputError(
        fmt::format("{}: the header holds bytes that are no UTF-8; save the file as UTF-8", file.string()));
  }
  layout.label = find_label_column(options, layout.header, layout.columns, file);
  if (!there) {
    throw InputError(fmt::format("{} has a header and no rows; give one row a sample", file.string()));
  }
  for (; there; there = lines.next(line)) {
    check_row(line, layout, file);
    layout.classes.insert(line.fields[layout.label]);
    ++layout.rows;
  }
  return layout;
}

/// The feature in column `j`. Throws InputError when it is no finite number in T.
template <class T>
T feature_of(const CsvLine& line, std::size_t j, const CsvLayout& layout, const std::filesystem::path& file) {
  const auto value = parse_number(line.fields[j]);
  if (!value || !std::isfinite(*value)) {
    throw InputError(fmt::format("{}, line {}, {}: '{}' is no finite number; give one", file.string(),
                                 line.number, layout.column(j), line.fields[j]));
  }
  const T feature = static_cast<T>(*value) + T(0);  // −0 becomes +0
  if (!std::isfinite(feature)) {
    throw InputError(fmt::format("{}, line {}, {}: '{}' is too large for run.precision = float; set double",
                                 file.string(), line.number, layout.column(j), line.fields[j]));
  }
  return feature;
}

}  // namespace

template <class T>
Dataset<T> read_csv(const std::filesystem::path& file, const CsvOptions& options) {
  CsvLines lines(file);
  const CsvLayout layout = survey(lines, options, file);
  Dataset<T> data;
  data.classes = options.classes.empty() ? sorted_classes(layout.classes) : options.classes;
  if (data.classes.size() < 2) {
    throw InputError(fmt::format("{} holds one class only ('{}'); a classification needs at least two",
                                 file.string(), data.classes.front()));
  }
  std::map<std::string, int> index_of;
  for (std::size_t c = 0; c < data.classes.size(); ++c) {
    index_of[data.classes[c]] = static_cast<int>(c);
  }
  for (std::size_t j = 0; j < layout.columns; ++j) {
    if (j != layout.label) {
      data.feature_names.push_back(layout.header.empty() ? fmt::format("x{}", data.feature_names.size() + 1)
                                                         : layout.header[j]);
    }
  }
  data.features.resize(static_cast<Index>(layout.columns) - 1, static_cast<Index>(layout.rows));
  data.labels.resize(layout.rows);
  lines.rewind();
  CsvLine line;
  if (!layout.header.empty()) {
    lines.next(line);
  }
  for (std::size_t d = 0; d < layout.rows; ++d) {
    if (!lines.next(line) || line.fields.size() != layout.columns) {
      throw InputError(fmt::format("{} changed while it was read; try again", file.string()));
    }
    Index feature = 0;
    for (std::size_t j = 0; j < layout.columns; ++j) {
      if (j != layout.label) {
        data.features(feature++, static_cast<Index>(d)) = feature_of<T>(line, j, layout, file);
      }
    }
    const auto found = index_of.find(line.fields[layout.label]);
    if (found == index_of.end()) {
      throw InputError(fmt::format("{}, line {}: class '{}' is none of {}", file.string(), line.number,
                                   line.fields[layout.label], fmt::join(data.classes, ", ")));
    }
    data.labels[d] = found->second;
  }
  return data;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",;\t\"\n") == std::string::npos) {
    return text;
  }
  std::string result = "\"";
  for (const char c : text) {
    result += c == '"' ? "\"\"" : std::string(1, c);
  }
  return result + "\"";
}

std::string to_csv(const Dataset<double>& data) {
  std::string text;
  for (Index i = 0; i < data.feature_count(); ++i) {
    const auto index = static_cast<std::size_t>(i);
    text +=
        csv_field(index < data.feature_names.size() ? data.feature_names[index] : fmt::format("x{}", i + 1));
    text += ',';
  }
  text += "label\n";
  for (Index d = 0; d < data.size(); ++d) {
    for (Index i = 0; i < data.feature_count(); ++i) {
      text += fmt::format("{},", data.features(i, d));
    }
    text +=
        csv_field(data.classes[static_cast<std::size_t>(data.labels[static_cast<std::size_t>(d)])]) + "\n";
  }
  return text;
}

template Dataset<float> read_csv(const std::filesystem::path&, const CsvOptions&);
template Dataset<double> read_csv(const std::filesystem::path&, const CsvOptions&);

}  // namespace turnpike
