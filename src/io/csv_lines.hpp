#pragma once

#include <cstddef>
#include <filesystem>
#include <istream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace turnpike {

/// `text` as a number, infinite or not a number included; nothing when it is none.
std::optional<double> parse_number(const std::string& text);

/// One line of a CSV file.
struct CsvLine {
  std::size_t number = 0;  ///< in the file, from 1
  std::vector<std::string> fields;
};

/// A CSV file line by line, as often as wanted. Its separator is the first of comma, semicolon and tabulator
/// that its first line has.
class CsvLines {
 public:
  /// Throws InputError when `file` cannot be opened or is compressed.
  explicit CsvLines(const std::filesystem::path& file);

  /// Goes back to the first line.
  void rewind();

  /// Reads the next line that is not blank, or returns false at the end. Throws InputError for a quoted field
  /// without its end, or when reading fails.
  bool next(CsvLine& line);

 private:
  std::filesystem::path file_;
  std::unique_ptr<std::istream> input_;
  std::string text_;
  std::size_t number_ = 0;
  char separator_ = 0;
};

}  // namespace turnpike
