#include "io/paper_page.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "io/base64.hpp"
#include "io/gnuplot.hpp"
#include "io/page.hpp"
#include "io/text_file.hpp"
#include "turnpike/geometry.hpp"

namespace turnpike {

std::string render_paper_page(const std::vector<PaperSection>& sections) {
  nlohmann::json list = nlohmann::json::array();
  for (const PaperSection& section : sections) {
    nlohmann::json entry = {{"title", section.title}, {"text", section.text}, {"table", section.table}};
    std::error_code error;
    if (!section.figure.empty() && std::filesystem::exists(section.figure, error)) {
      const std::string svg = read_text_file(section.figure, "figure");
      const auto* const bytes = reinterpret_cast<const std::uint8_t*>(svg.data());
      entry["figure"] = "data:image/svg+xml;base64," + base64({bytes, svg.size()});
    }
    list.push_back(std::move(entry));
  }
  return render_page({.command = "turnpike reproduce paper", .main = "paper.html", .scripts = {"paper.js"}},
                     "The paper's experiments", {{"sections", list}});
}

std::string draw_soft_cross_entropy(double p_d, const std::filesystem::path& directory) {
  const SoftCrossEntropyGeometry geometry(2, p_d);
  constexpr int side = 101;
  constexpr double reach = 6;
  gnuplot::Script script;
  std::string rows = "$plane << END\n";
  for (int i = 0; i < side; ++i) {
    for (int j = 0; j < side; ++j) {
      const std::vector<double> point = {-reach + 2 * reach * j / (side - 1),
                                         -reach + 2 * reach * i / (side - 1)};
      rows += fmt::format("{:.5g} ", geometry.loss(point, 0));
    }
    rows += "\n";
  }
  script.line(rows + "END");
  script.begin("loss_plane", fmt::format("Soft cross-entropy, C = 2, y = 1, p_d = {}", p_d), "x_1", "x_2");
  const double step = 2 * reach / (side - 1);
  script.line(
      fmt::format("set size ratio 1\nset style fill solid 1\nset key outside bottom center horizontal\nset "
                  "palette defined (0 "
                  "'#f4f8fd', 1 '#9ec4ef', "
                  "2 '#2a78d6', 3 '#123a6b')\nset cblabel 'loss'\nset xrange [{0}:{1}]\nset yrange [{0}:{1}]",
                  -reach, reach));
  script.line(
      fmt::format("plot $plane matrix using ({0}+{1}*$1):({0}+{1}*$2):3 with image notitle, x + ({2}) with "
                  "lines linewidth 2.5 "
                  "linecolor rgb '{3}' title 'X*_1'",
                  -reach, step, geometry.delta(), gnuplot::colour(1)));
  script.end();
  script.line("unset cblabel\nset key inside top left noenhanced");

  std::vector<double> s;
  std::vector<double> towards;
  std::vector<double> away;
  std::vector<double> sharp;
  std::vector<double> tangent;
  std::vector<double> closed;
  const std::vector<double> minimizer = geometry.minimizer(0);
  for (int i = 0; i <= 160; ++i) {
    s.push_back(0.025 * i);
    const double a = s.back() / std::sqrt(2.0);
    towards.push_back(geometry.loss(std::vector<double>{minimizer[0] - a, minimizer[1] + a}, 0));
    away.push_back(geometry.loss(std::vector<double>{minimizer[0] + a, minimizer[1] - a}, 0));
    sharp.push_back(geometry.sharp_bound(s.back()));
    tangent.push_back(geometry.tangent_bound(s.back()));
    closed.push_back(geometry.closed_bound(s.back()));
  }
  script.block("bounds", {&s, &towards, &away, &sharp, &tangent, &closed});
  script.begin("loss_bounds", "The loss at distance s from its minimizers, and its lower bounds", "s",
               "loss");
  script.line(fmt::format(
      "set logscale y\nset yrange [1e-4:*]\nset key outside bottom center horizontal maxrows 3\n"
      "plot $bounds using 1:2 with lines linewidth 2 linecolor rgb '{0}' title 'towards the other class', "
      "$bounds using 1:3 with lines linewidth 2 linecolor rgb '{1}' title 'away from it', "
      "$bounds using 1:4 with lines linewidth 2 dashtype 2 linecolor rgb '#222222' title 'α*', "
      "$bounds using 1:5 with lines linewidth 1.5 dashtype 3 linecolor rgb '{2}' title 'λ_Ω s²/2, then α*(1) "
      "s', "
      "$bounds using 1:6 with lines linewidth 1.5 dashtype 4 linecolor rgb '{3}' title 'closed bound'",
      gnuplot::colour(1), gnuplot::colour(0), gnuplot::colour(2), gnuplot::colour(3)));
  script.end();
  return script.draw(directory);
}

std::string draw_over_layers(const std::string& file, const std::string& title, const std::string& name,
                             const std::vector<LayerCurve>& curves, bool logarithmic_panel,
                             const std::filesystem::path& directory) {
  gnuplot::Script script;
  std::vector<std::string> plots;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const LayerCurve& curve = curves[i];
    std::vector<double> layer(curve.values.size());
    std::iota(layer.begin(), layer.end(), 0.0);
    script.block(fmt::format("curve{}", i), {&layer, &curve.values});
    const double width = curves.size() > 20 && curve.name.empty() ? 0.5 : 1.8;
    plots.push_back(fmt::format("$curve{} using 1:2 with lines linewidth {} {} linecolor rgb '{}' {}", i,
                                width, curve.dashed ? "dashtype 2" : "", gnuplot::colour(curve.colour),
                                curve.name.empty() ? "notitle" : "title " + gnuplot::quoted(curve.name)));
  }
  if (logarithmic_panel) {
    script.line("set terminal svg size 1200,480 dynamic font 'Helvetica,14' background rgb 'white'");
  }
  script.begin(file, title, "layer", name);
  if (logarithmic_panel) {
    script.line("set multiplot layout 1,2");
  }
  const std::string plot = fmt::format("plot {}", fmt::join(plots, ", "));
  script.line(plot);
  if (logarithmic_panel) {
    script.line("set logscale y\nset format y '10^{%T}'\nunset key\n" + plot + "\nunset multiplot");
  }
  script.end();
  return script.draw(directory);
}

}  // namespace turnpike
