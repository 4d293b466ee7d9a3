#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

/// Figures by way of gnuplot scripts.
namespace turnpike::gnuplot {

/// The colour of class or curve `i`, as in the report.
std::string_view colour(std::size_t i);

/// A text between gnuplot's single quotes.
std::string quoted(const std::string& text);

/// The size of a figure and the look of its frame, with which a script begins.
std::string_view defaults();

/// A gnuplot script, figure by figure.
class Script {
 public:
  Script();

  /// A data block of columns of equal length; what is not finite leaves a gap.
  void block(const std::string& name, const std::vector<const std::vector<double>*>& columns);
  /// A figure FILE.svg begins, with titles.
  void begin(const std::string& file, const std::string& title, const std::string& x, const std::string& y);
  void line(std::string_view command) { (text_ += command) += '\n'; }
  /// The figure ends; scales and ranges are the default ones again.
  void end();

  /// Writes figures.gp into `directory` and runs it there. Returns an empty text, or one sentence that says
  /// why there are no figures.
  [[nodiscard]] std::string draw(const std::filesystem::path& directory) const;

 private:
  std::string text_;
  std::vector<std::string> figures_;
};

}  // namespace turnpike::gnuplot
