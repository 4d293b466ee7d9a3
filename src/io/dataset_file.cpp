#include "turnpike/dataset_file.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "io/text_file.hpp"
#include "turnpike/error.hpp"
#include "turnpike/random.hpp"

namespace turnpike {

namespace {

std::string trim(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::optional<double> parse_number(const std::string& text) {
  const char* begin = text.data();
  const char* const end = text.data() + text.size();
  if (begin != end && *begin == '+') {
    ++begin;
  }
  double value = 0;
  const auto [rest, error] = std::from_chars(begin, end, value);
  if (error != std::errc() || rest != end) {
    return std::nullopt;
  }
  return value;
}

struct Line {
  std::size_t number;  // in the file, from 1
  std::vector<std::string> fields;
};

/// One line's fields; a quoted field may hold separators and doubled quotes.
std::vector<std::string> split_fields(std::string_view line, char separator, const std::string& where) {
  std::vector<std::string> fields;
  std::string field;
  bool quoted = false;
  bool was_quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted) {
      if (c == '"' && i + 1 < line.size() && line[i + 1] == '"') {
        field += '"';
        ++i;
      } else if (c == '"') {
        quoted = false;
      } else {
        field += c;
      }
    } else if (c == '"' && trim(field).empty()) {
      field.clear();
      quoted = was_quoted = true;
    } else if (c == separator) {
      fields.push_back(was_quoted ? field : trim(field));
      field.clear();
      was_quoted = false;
    } else if (c != '\r') {
      field += c;
    }
  }
  if (quoted) {
    throw InputError(where + ": a quoted field does not end; close its quotation mark");
  }
  fields.push_back(was_quoted ? field : trim(field));
  return fields;
}

std::vector<Line> split_lines(const std::string& text, const std::filesystem::path& file) {
  std::string_view rest = text;
  if (rest.substr(0, 3) == "\xEF\xBB\xBF") {
    rest.remove_prefix(3);
  }
  std::vector<Line> lines;
  char separator = 0;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) {
      continue;
    }
    if (separator == 0) {
      separator = line.find(',') != std::string_view::npos   ? ','
                  : line.find(';') != std::string_view::npos ? ';'
                                                             : '\t';
    }
    lines.push_back(
        {number, split_fields(line, separator, fmt::format("{}, line {}", file.string(), number))});
  }
  return lines;
}

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
std::vector<std::string> sorted_classes(const std::vector<Line>& lines, std::size_t column) {
  std::set<std::string> names;
  for (const Line& line : lines) {
    names.insert(line.fields[column]);
  }
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

}  // namespace

Dataset<double> read_csv(const std::filesystem::path& file, const CsvOptions& options) {
  std::vector<Line> lines = split_lines(read_text_file(file, "data file"), file);
  if (lines.empty()) {
    throw InputError(fmt::format("{} is empty; give one row a sample", file.string()));
  }
  const std::size_t columns = lines.front().fields.size();
  if (columns < 2) {
    throw InputError(
        fmt::format("{}, line {}: one column only; give at least one feature and the class, "
                    "separated by commas",
                    file.string(), lines.front().number));
  }
  std::vector<std::string> header;
  const auto no_number = [](const std::string& field) { return !parse_number(field).has_value(); };
  // A header holds no number, or names the label column; a row with some numbers is a sample with a mistake.
  std::vector<std::string> first = lines.front().fields;
  const bool label_named = std::find(first.begin(), first.end(), options.label) != first.end();
  if (label_named || std::all_of(first.begin(), first.end(), no_number)) {
    header = std::move(first);
    lines.erase(lines.begin());
  }
  if (!std::all_of(header.begin(), header.end(), [](const std::string& name) { return is_utf8(name); })) {
    throw InputError(
        fmt::format("{}: the header holds bytes that are no UTF-8; save the file as UTF-8", file.string()));
  }
  const std::size_t label = find_label_column(options, header, columns, file);
  if (lines.empty()) {
    throw InputError(fmt::format("{} has a header and no rows; give one row a sample", file.string()));
  }
  const auto name_of_column = [&](std::size_t column) {
    return header.empty() ? fmt::format("column {}", column) : fmt::format("column '{}'", header[column]);
  };
  for (const Line& line : lines) {
    if (line.fields.size() != columns) {
      throw InputError(fmt::format("{}, line {}: {} fields instead of {}; give every row the same number",
                                   file.string(), line.number, line.fields.size(), columns));
    }
    if (line.fields[label].empty()) {
      throw InputError(fmt::format("{}, line {}: {} holds no class; fill it in", file.string(), line.number,
                                   name_of_column(label)));
    }
    const auto number = parse_number(line.fields[label]);
    if (number && !std::isfinite(*number)) {
      throw InputError(
          fmt::format("{}, line {}: {} holds '{}' as class; give the sample's class or leave the "
                      "line out",
                      file.string(), line.number, name_of_column(label), line.fields[label]));
    }
    for (std::size_t j = 0; j < columns; ++j) {
      if (!is_utf8(line.fields[j])) {
        throw InputError(fmt::format("{}, line {}: {} holds bytes that are no UTF-8; save the file as UTF-8",
                                     file.string(), line.number, fmt::format("column {}", j)));
      }
    }
  }

  Dataset<double> data;
  data.classes = options.classes.empty() ? sorted_classes(lines, label) : options.classes;
  if (data.classes.size() < 2) {
    throw InputError(fmt::format("{} holds one class only ('{}'); a classification needs at least two",
                                 file.string(), data.classes.front()));
  }
  std::map<std::string, int> index_of;
  for (std::size_t c = 0; c < data.classes.size(); ++c) {
    index_of[data.classes[c]] = static_cast<int>(c);
  }
  for (std::size_t j = 0; j < columns; ++j) {
    if (j != label) {
      data.feature_names.push_back(header.empty() ? fmt::format("x{}", data.feature_names.size() + 1)
                                                  : header[j]);
    }
  }
  data.features.resize(static_cast<Index>(columns) - 1, static_cast<Index>(lines.size()));
  data.labels.resize(lines.size());
  for (std::size_t d = 0; d < lines.size(); ++d) {
    const Line& line = lines[d];
    Index feature = 0;
    for (std::size_t j = 0; j < columns; ++j) {
      if (j == label) {
        continue;
      }
      const auto value = parse_number(line.fields[j]);
      if (!value || !std::isfinite(*value)) {
        throw InputError(fmt::format("{}, line {}, {}: '{}' is no finite number; give one", file.string(),
                                     line.number, name_of_column(j), line.fields[j]));
      }
      data.features(feature++, static_cast<Index>(d)) = *value + 0.0;  // −0 becomes +0
    }
    const auto found = index_of.find(line.fields[label]);
    if (found == index_of.end()) {
      throw InputError(fmt::format("{}, line {}: class '{}' is none of {}", file.string(), line.number,
                                   line.fields[label], fmt::join(data.classes, ", ")));
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

void Standardization::apply(Dataset<double>& data) const {
  if (mean.empty()) {
    return;
  }
  if (static_cast<Index>(mean.size()) != data.feature_count()) {
    throw InputError(fmt::format("the data have {} features where the model was trained with {}",
                                 data.feature_count(), mean.size()));
  }
  for (Index i = 0; i < data.feature_count(); ++i) {
    const auto index = static_cast<std::size_t>(i);
    data.features.row(i).array() = (data.features.row(i).array() - mean[index]) / scale[index] + 0.0;
  }
}

Standardization standardization_of(const Dataset<double>& data) {
  Standardization result;
  for (Index i = 0; i < data.feature_count(); ++i) {
    const double mean = data.features.row(i).mean();
    const double variance = (data.features.row(i).array() - mean).square().mean();
    const double deviation = std::sqrt(variance);
    result.mean.push_back(mean);
    result.scale.push_back(deviation > 0 ? deviation : 1);
  }
  return result;
}

std::pair<Dataset<double>, Dataset<double>> split(const Dataset<double>& data, double fraction,
                                                  std::uint64_t seed) {
  std::vector<bool> aside(static_cast<std::size_t>(data.size()), false);
  for (Index c = 0; c < data.class_count(); ++c) {
    std::vector<std::size_t> members;
    for (std::size_t d = 0; d < data.labels.size(); ++d) {
      if (data.labels[d] == static_cast<int>(c)) {
        members.push_back(d);
      }
    }
    std::vector<Index> order(members.size());
    Random(seed, RandomPurpose::data, static_cast<std::uint64_t>(c)).permute(order);
    const auto count = static_cast<std::size_t>(std::lround(fraction * static_cast<double>(members.size())));
    if (count >= members.size()) {
      throw InputError(
          fmt::format("data.test_fraction = {} leaves class '{}' without a training sample; "
                      "lower it",
                      fraction, data.classes[static_cast<std::size_t>(c)]));
    }
    for (std::size_t i = 0; i < count; ++i) {
      aside[members[static_cast<std::size_t>(order[i])]] = true;
    }
  }
  std::pair<Dataset<double>, Dataset<double>> parts;
  for (const bool wanted : {false, true}) {
    Dataset<double>& part = wanted ? parts.second : parts.first;
    part.classes = data.classes;
    part.feature_names = data.feature_names;
    part.features.resize(data.feature_count(), std::count(aside.begin(), aside.end(), wanted));
    Index column = 0;
    for (Index d = 0; d < data.size(); ++d) {
      if (aside[static_cast<std::size_t>(d)] == wanted) {
        part.features.col(column++) = data.features.col(d);
        part.labels.push_back(data.labels[static_cast<std::size_t>(d)]);
      }
    }
  }
  return parts;
}

}  // namespace turnpike
