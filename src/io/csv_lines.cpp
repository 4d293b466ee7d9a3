#include "io/csv_lines.hpp"

#include <fmt/format.h>
#include <array>
#include <charconv>
#include <string_view>

#include "io/text_file.hpp"
#include "turnpike/error.hpp"

namespace turnpike {

namespace {

std::string trim(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
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

}  // namespace

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

CsvLines::CsvLines(const std::filesystem::path& file)
    : file_(file), input_(open_text_file(file, "data file")) {
  std::array<char, 2> magic{};
  input_->read(magic.data(), magic.size());
  if (*input_ && magic == std::array<char, 2>{'\x1f', '\x8b'}) {
    throw InputError(fmt::format(
        "{} is compressed with gzip; decompress it first (gunzip), or give a plain CSV file", file.string()));
  }
  rewind();
}

void CsvLines::rewind() {
  input_->clear();
  input_->seekg(0);
  number_ = 0;
}

bool CsvLines::next(CsvLine& line) {
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

}  // namespace turnpike
