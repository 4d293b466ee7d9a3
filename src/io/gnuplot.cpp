#include "io/gnuplot.hpp"

#include <fmt/format.h>
#include <sys/wait.h>

#include <array>
#include <cmath>
#include <csignal>
#include <cstdlib>

#include "io/text_file.hpp"
#include "turnpike/report.hpp"

namespace turnpike {

bool gnuplot_available() { return std::system("command -v gnuplot >/dev/null 2>&1") == 0; }

namespace gnuplot {

namespace {

constexpr std::array<std::string_view, 12> colours = {"#2a78d6", "#eb6834", "#1baf7a", "#4a3aa7",
                                                      "#eda100", "#e34948", "#e87ba4", "#7a7971",
                                                      "#18a8bd", "#8f5526", "#7fa21a", "#a531bd"};

std::string shell_quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    result += c == '\'' ? "'\\''" : std::string(1, c);
  }
  return result + "'";
}

std::string cell(double value) { return std::isfinite(value) ? fmt::format("{:.7g}", value) : "NaN"; }

}  // namespace

std::string_view colour(std::size_t i) { return colours[i % colours.size()]; }

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    result += c == '\'' ? "''" : std::string(1, c == '\n' ? ' ' : c);
  }
  return result + "'";
}

std::string_view defaults() {
  return "set terminal svg size 680,480 dynamic font 'Helvetica,14' background rgb 'white'\n"
         "set border 3 linecolor rgb '#888780'\nset tics nomirror textcolor rgb '#333333'\n"
         "set xtics autofreq norotate\nset ytics autofreq\n"
         "set grid linecolor rgb '#e4e3dd' linetype 1\nset key top right noenhanced\n"
         "set style fill transparent solid 0.2 noborder";
}

Script::Script() : text_(fmt::format("# Draws the figures: gnuplot figures.gp\n{}\n", defaults())) {}

void Script::block(const std::string& name, const std::vector<const std::vector<double>*>& columns) {
  text_ += fmt::format("${} << END\n", name);
  for (std::size_t i = 0; i < columns.front()->size(); ++i) {
    for (const std::vector<double>* column : columns) {
      text_ += cell((*column)[i]) + " ";
    }
    text_ += "\n";
  }
  text_ += "END\n";
}

void Script::begin(const std::string& file, const std::string& title, const std::string& x,
                   const std::string& y) {
  figures_.push_back(file + ".svg");
  text_ += fmt::format(
      "\nset output '{}.svg'\nset title {} noenhanced\nset xlabel {} noenhanced\nset ylabel {} "
      "noenhanced\n",
      file, quoted(title), quoted(x), quoted(y));
}

void Script::end() {
  text_ +=
      "unset output\nunset logscale\nunset arrow\nset autoscale\nset size noratio\nset key inside top "
      "right noenhanced\n";
}

std::string Script::draw(const std::filesystem::path& directory) const {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    return fmt::format(
        "there are no SVG figures, because '{}' cannot be created: {}; remove what is in its place",
        directory.string(), error.message());
  }
  write_file_atomically(directory / "figures.gp", text_);
  if (!gnuplot_available()) {
    return "gnuplot is not installed, so there are no SVG figures; install it and run `gnuplot figures.gp` "
           "in " +
           directory.string();
  }
  const std::string command =
      fmt::format("cd {} && gnuplot figures.gp >figures.log 2>&1", shell_quoted(directory.string()));
  const int status = std::system(command.c_str());
  if ((WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) ||
      (WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGINT)) {
    (void)std::raise(SIGINT);  // system() kept it from this process
  }
  if (status != 0) {
    return fmt::format("gnuplot failed, so SVG figures are missing; see {}",
                       (directory / "figures.log").string());
  }
  std::filesystem::remove(directory / "figures.log");
  for (const std::string& figure : figures_) {
    if (read_text_file(directory / figure, "figure").find("</svg>") == std::string::npos) {
      std::filesystem::remove(directory / figure);  // gnuplot does not look at what its writes return
      return fmt::format("the figure '{}' could not be written whole; free some space and draw it again",
                         (directory / figure).string());
    }
  }
  return {};
}

}  // namespace gnuplot

}  // namespace turnpike
