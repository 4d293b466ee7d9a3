#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace turnpike {

/// A part of the page on the paper's experiments: a figure or a table with what is to be said of it.
struct PaperSection {
  std::string title;
  std::string text;                             ///< a paragraph
  std::filesystem::path figure;                 ///< an SVG file to put in; empty for none
  std::vector<std::vector<std::string>> table;  ///< rows, the first of them the head; may be empty
};

/// The page as one HTML file that works offline. A figure that is not there is left out.
std::string render_paper_page(const std::vector<PaperSection>& sections);

/// Figure 1: the soft cross-entropy of two classes over the plane with the line X*_1, and along the way from
/// it with its lower bounds. Writes FILE.svg's into `directory`: `loss_plane` and `loss_bounds`. Returns an
/// empty text, or one sentence that says why there are none.
std::string draw_soft_cross_entropy(double p_d, const std::filesystem::path& directory);

/// A curve over the layers with a name and a colour; `dashed` for test samples.
struct LayerCurve {
  std::string name;  ///< empty: not in the key
  std::vector<double> values;
  std::size_t colour = 0;
  bool dashed = false;
};

/// Curves over the layers, in `file`.svg of `directory`, with a second panel in logarithmic scale if asked
/// for.
std::string draw_over_layers(const std::string& file, const std::string& title, const std::string& name,
                             const std::vector<LayerCurve>& curves, bool logarithmic_panel,
                             const std::filesystem::path& directory);

}  // namespace turnpike
