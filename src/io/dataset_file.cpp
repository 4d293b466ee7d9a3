#include "turnpike/dataset_file.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <istream>
#include <map>
#include <memory>
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

struct Line {
  std::size_t number = 0;  // in the file, from 1
  std::vector<std::string> fields;
};

/// A CSV file line by line, as often as wanted.
class CsvLines {
 public:
  explicit CsvLines(const std::filesystem::path& file)
      : file_(file), input_(open_text_file(file, "data file")) {}

  void rewind() {
    input_->clear();
    input_->seekg(0);
    number_ = 0;
  }

  /// Reads the next line that is not blank, or returns false at the end.
  bool next(Line& line) {
    while (std::getline(*input_, text_)) {
      std::string_view rest = text_;
      if (++number_ == 1 && rest.substr(0, 3) == "\xEF\xBB\xBF") {
        rest.remove_prefix(3);
      }
      if (rest.find_first_not_of(" \t\r") == std::string_view::npos) {
        continue;
      }
      if (separator_ == 0) {
        separator_ = rest.find(',') != std::string_view::npos   ? ','
                     : rest.find(';') != std::string_view::npos ? ';'
                                                                : '\t';
      }
      line.number = number_;
      line.fields = split_fields(rest, separator_, fmt::format("{}, line {}", file_.string(), number_));
      return true;
    }
    if (input_->bad()) {
      throw InputError(
          fmt::format("the data file '{}' cannot be read to its end; check the disk", file_.string()));
    }
    return false;
  }

 private:
  std::filesystem::path file_;
  std::unique_ptr<std::istream> input_;
  std::string text_;
  std::size_t number_ = 0;
  char separator_ = 0;
};

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
void check_row(const Line& line, const CsvLayout& layout, const std::filesystem::path& file) {
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
  Line line;
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
T feature_of(const Line& line, std::size_t j, const CsvLayout& layout, const std::filesystem::path& file) {
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
  Line line;
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

template <class T>
void Standardization::apply(Dataset<T>& data) const {
  if (mean.empty()) {
    return;
  }
  if (static_cast<Index>(mean.size()) != data.feature_count()) {
    throw InputError(fmt::format("the data have {} features where the model was trained with {}",
                                 data.feature_count(), mean.size()));
  }
  for (Index i = 0; i < data.feature_count(); ++i) {
    const auto index = static_cast<std::size_t>(i);
    data.features.row(i).array() =
        ((data.features.row(i).array().template cast<double>() - mean[index]) / scale[index] + 0.0)
            .template cast<T>();
  }
}

template <class T>
Standardization standardization_of(const Dataset<T>& data) {
  Standardization result;
  for (Index i = 0; i < data.feature_count(); ++i) {
    const double mean = data.features.row(i).template cast<double>().mean();
    const double variance = (data.features.row(i).array().template cast<double>() - mean).square().mean();
    const double deviation = std::sqrt(variance);
    result.mean.push_back(mean);
    result.scale.push_back(deviation > 0 ? deviation : 1);
  }
  return result;
}

template <class T>
std::pair<Dataset<T>, Dataset<T>> split(const Dataset<T>& data, double fraction, std::uint64_t seed) {
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
    if (count > 0 && count >= members.size()) {
      throw InputError(
          fmt::format("data.test_fraction = {} leaves class '{}' without a training sample; "
                      "lower it",
                      fraction, data.classes[static_cast<std::size_t>(c)]));
    }
    for (std::size_t i = 0; i < count; ++i) {
      aside[members[static_cast<std::size_t>(order[i])]] = true;
    }
  }
  std::pair<Dataset<T>, Dataset<T>> parts;
  for (const bool wanted : {false, true}) {
    Dataset<T>& part = wanted ? parts.second : parts.first;
    part.classes = data.classes;
    part.feature_names = data.feature_names;
    part.image = data.image;
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

template <class T>
Dataset<T> first_samples(const Dataset<T>& data, Index count) {
  const Index size = std::min(count, data.size());
  return {data.features.leftCols(size),
          {data.labels.begin(), data.labels.begin() + size},
          data.classes,
          data.feature_names,
          data.image};
}

template <class To, class From>
Dataset<To> cast(const Dataset<From>& data) {
  return {data.features.template cast<To>(), data.labels, data.classes, data.feature_names, data.image};
}

template Dataset<float> read_csv(const std::filesystem::path&, const CsvOptions&);
template Dataset<double> read_csv(const std::filesystem::path&, const CsvOptions&);
template void Standardization::apply(Dataset<float>&) const;
template void Standardization::apply(Dataset<double>&) const;
template Standardization standardization_of(const Dataset<float>&);
template Standardization standardization_of(const Dataset<double>&);
template std::pair<Dataset<float>, Dataset<float>> split(const Dataset<float>&, double, std::uint64_t);
template std::pair<Dataset<double>, Dataset<double>> split(const Dataset<double>&, double, std::uint64_t);
template Dataset<float> first_samples(const Dataset<float>&, Index);
template Dataset<double> first_samples(const Dataset<double>&, Index);
template Dataset<float> cast(const Dataset<float>&);
template Dataset<float> cast(const Dataset<double>&);
template Dataset<double> cast(const Dataset<float>&);
template Dataset<double> cast(const Dataset<double>&);

}  // namespace turnpike
