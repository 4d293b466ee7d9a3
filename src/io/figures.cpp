#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string_view>

#include "io/classification_figures.hpp"
#include "io/gnuplot.hpp"
#include "turnpike/report.hpp"

namespace turnpike {

namespace {

/// The same, mixed with white: areas that points are drawn on.
constexpr std::array<std::string_view, 12> area_colours = {"#c9def4", "#f9d8cb", "#c5ebdd", "#d1cde8",
                                                           "#fae6bd", "#f8d0d0", "#f9dde7", "#dddddb",
                                                           "#c5e9ee", "#e3d4c9", "#dfe8c6", "#e8cbee"};

/// The samples of class c at node k, and of how many classes there are.
void class_blocks(gnuplot::Script& script, const std::string& prefix, const ReportData& d, std::size_t k) {
  for (std::size_t c = 0; c < d.classes.size(); ++c) {
    std::vector<double> x;
    std::vector<double> y;
    for (std::size_t i = 0; i < d.train.labels.size(); ++i) {
      if (d.train.labels[i] == static_cast<int>(c)) {
        x.push_back(d.train.x[k][i]);
        y.push_back(d.train.y[k][i]);
      }
    }
    if (x.empty()) {
      x.push_back(NAN);
      y.push_back(NAN);
    }
    script.block(fmt::format("{}{}", prefix, c), {&x, &y});
  }
}

std::string class_plots(const std::string& prefix, const ReportData& d, double size) {
  std::vector<std::string> plots;
  for (std::size_t c = 0; c < d.classes.size(); ++c) {
    plots.push_back(
        fmt::format("${}{} using 1:2 with points pointtype 7 pointsize {} linecolor rgb '{}' title {}",
                    prefix, c, size, gnuplot::colour(c), gnuplot::quoted(d.classes[c])));
  }
  return fmt::format("{}", fmt::join(plots, ", "));
}

/// Lines in the colours of their classes; points in one colour, to be seen among the samples.
std::string minimizer_plots(gnuplot::Script& script, const ReportData& d) {
  std::string plots;
  std::vector<double> x;
  std::vector<double> y;
  for (std::size_t c = 0; c < d.minimizers.size(); ++c) {
    const ReportData::Minimizer& m = d.minimizers[c];
    if (m.line) {
      plots += fmt::format(", x + ({}) with lines linewidth 1.5 dashtype 2 linecolor rgb '{}' title {}",
                           m.y - m.x, gnuplot::colour(c), gnuplot::quoted("minimizers of " + d.classes[c]));
    } else {
      x.push_back(m.x);
      y.push_back(m.y);
    }
  }
  if (!x.empty()) {
    script.block("minimizers", {&x, &y});
    plots +=
        ", $minimizers using 1:2 with points pointtype 1 pointsize 1 linewidth 2 linecolor rgb '#222222' "
        "title "
        "'minimizers'";
  }
  return plots;
}

/// "set xrange …, set yrange …": a square that holds the samples at node k and the points of the minimizers.
std::string square_ranges(const ReportData& d, std::size_t k, bool with_minimizers) {
  std::vector<double> x = d.train.x[k];
  std::vector<double> y = d.train.y[k];
  if (with_minimizers) {
    for (const ReportData::Minimizer& m : d.minimizers) {
      x.push_back(m.x);
      y.push_back(m.y);
    }
  }
  const auto not_finite = [](double value) { return !std::isfinite(value); };
  std::erase_if(x, not_finite);
  std::erase_if(y, not_finite);
  if (x.empty() || y.empty()) {
    return "set size ratio 1";
  }
  const auto [x_min, x_max] = std::minmax_element(x.begin(), x.end());
  const auto [y_min, y_max] = std::minmax_element(y.begin(), y.end());
  const double cx = (*x_min + *x_max) / 2;
  const double cy = (*y_min + *y_max) / 2;
  const double size = std::max(std::abs(cx), std::abs(cy));
  double half = std::max(0.55 * std::max(*x_max - *x_min, *y_max - *y_min), 1e-5 * size);
  if (*x_min == *x_max && *y_min == *y_max) {  // one point
    half = size > 0 ? 0.1 * size : 1;
  }
  return fmt::format("set size ratio 1\nset xrange [{:.9g}:{:.9g}]\nset yrange [{:.9g}:{:.9g}]", cx - half,
                     cx + half, cy - half, cy + half);
}

void draw_states(gnuplot::Script& script, const ReportData& d) {
  const std::size_t last = (d.times.size() - 1) / d.points;
  class_blocks(script, "first", d, 0);
  if (d.examples) {
    draw_examples(script, d);
  } else {
    script.begin("data", "Training samples", d.x_name, d.y_name);
    script.line(square_ranges(d, 0, false) + "\nset key outside");
    script.line("plot " + class_plots("first", d, 0.45));
    script.end();
  }

  class_blocks(script, "last", d, last * d.points);
  const std::string minimizers = minimizer_plots(script, d);
  script.begin("final_layer", fmt::format("Training samples at layer {}", last), d.x_name, d.y_name);
  script.line(square_ranges(d, last * d.points, true) + "\nset key outside");
  script.line("plot " + class_plots("last", d, 0.45) + minimizers);
  script.end();

  // Small multiples: early layers one by one, later ones sparsely.
  std::vector<std::size_t> shown;
  for (const std::size_t k : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{4},
                              std::size_t{6}, last / 2, last}) {
    if (k <= last && (shown.empty() || k > shown.back())) {
      shown.push_back(k);
    }
  }
  script.line("set terminal svg size 1200,640 dynamic font 'Helvetica,12' background rgb 'white'");
  script.begin("flow", "", "", "");
  script.line(fmt::format("set multiplot layout {},{}\nset key off", (shown.size() + 3) / 4,
                          std::min<std::size_t>(4, shown.size())));
  for (const std::size_t k : shown) {
    const std::string prefix = fmt::format("layer{}_", k);
    class_blocks(script, prefix, d, k * d.points);
    script.line(fmt::format("set title 'layer {}'\n{}\nplot {}", k, square_ranges(d, k * d.points, false),
                            class_plots(prefix, d, 0.3)));
  }
  script.line("unset multiplot");
  script.end();
  script.line("set terminal svg size 680,480 dynamic font 'Helvetica,14' background rgb 'white'");
}

void draw_regions(gnuplot::Script& script, const ReportData& d) {
  const ReportData::Regions& r = *d.regions;
  const auto side = static_cast<std::size_t>(r.columns);
  std::string rows = "$regions << END\n";
  for (std::size_t i = 0; i < r.predicted.size(); ++i) {
    rows += fmt::format("{}{}", r.predicted[i], (i + 1) % side == 0 ? "\n" : " ");
  }
  script.line(rows + "END");
  std::vector<std::string> palette;
  for (std::size_t c = 0; c < std::max<std::size_t>(2, d.classes.size()); ++c) {
    palette.push_back(fmt::format("{} '{}'", c, area_colours[c % area_colours.size()]));
  }
  script.begin("regions", "Predicted class over the input plane", d.x_name, d.y_name);
  script.line(fmt::format(
      "set size ratio 1\nset key outside\nset palette defined ({})\nunset colorbox\nset cbrange [0:{}]",
      fmt::join(palette, ", "), std::max<std::size_t>(2, d.classes.size()) - 1));
  script.line(fmt::format("set xrange [{0}:{1}]\nset yrange [{2}:{3}]", r.x_min, r.x_max, r.y_min, r.y_max));
  const double dx = (r.x_max - r.x_min) / r.columns;
  const double dy = (r.y_max - r.y_min) / r.rows;
  script.line(fmt::format("plot $regions matrix using ({}+{}*$1):({}+{}*$2):3 with image notitle, {}",
                          r.x_min + dx / 2, dx, r.y_min + dy / 2, dy, class_plots("first", d, 0.35)));
  script.end();
}

void draw_curves(gnuplot::Script& script, const ReportData& d) {
  std::vector<double> layer(d.times.size());
  for (std::size_t j = 0; j < layer.size(); ++j) {
    layer[j] = static_cast<double>(j) / static_cast<double>(d.points);
  }
  const auto draw_splits = [&](const std::string& file, const std::string& name, const std::string& title,
                               bool logarithmic) {
    script.begin(file, title, "layer", name);
    script.line(logarithmic ? "set logscale y\nset format y '10^{%T}'" : "set yrange [0:*]");
    std::vector<std::string> plots;
    for (const std::string& split :
         d.test ? std::vector<std::string>{"train", "test"} : std::vector<std::string>{"train"}) {
      plots.push_back(fmt::format(
          "${0}_{1} with linespoints pointtype 7 pointsize 0.4 pointinterval {2} linewidth 2 {3} linecolor "
          "rgb '{4}' title '{0}'",
          split, name, d.points, split == "test" ? "dashtype 2" : "", gnuplot::colour(plots.size())));
    }
    script.line(fmt::format("plot {}", fmt::join(plots, ", ")));
    script.end();
    script.line("set format y '%g'");
  };
  script.block("train_loss", {&layer, &d.train.loss});
  script.block("train_accuracy", {&layer, &d.train.accuracy});
  if (d.test) {
    script.block("test_loss", {&layer, &d.test->loss});
    script.block("test_accuracy", {&layer, &d.test->accuracy});
  }
  draw_splits("loss", "loss", "Mean loss over the layers", false);
  draw_splits("loss_log", "loss", "Mean loss over the layers", true);
  script.line("set key bottom right");
  draw_splits("accuracy", "accuracy", "Accuracy over the layers", false);
  if (d.distance) {
    script.block("distance",
                 {&layer, &d.distance->mean, &d.distance->max, &d.distance->low, &d.distance->high});
    script.begin("distance", "Distance of the training samples to their minimizers", "layer", "distance");
    script.line("set logscale y\nset format y '10^{%T}'");
    if (d.entry_layer) {
      script.line(
          fmt::format("set arrow from {0}, graph 0 to {0}, graph 1 nohead dashtype 3 linecolor rgb '#888780'",
                      *d.entry_layer));
    }
    script.line(
        fmt::format("plot $distance using 1:4:5 with filledcurves linecolor rgb '{0}' title '10 % to 90 %', "
                    "$distance using 1:2 with lines linewidth 2 linecolor rgb '{0}' title 'mean', "
                    "$distance using 1:3 with lines linewidth 1.5 dashtype 2 linecolor rgb '{0}' title "
                    "'largest', {1} with lines linecolor rgb '{2}' title 'ε = {1}'",
                    gnuplot::colour(0), d.distance->epsilon, gnuplot::colour(1)));
    script.end();
    script.line("set format y '%g'");
  }
  if (d.certificates) {
    const ReportData::Certificates& c = *d.certificates;
    script.block("certificates", {&c.epsilon, &c.layers.measured, &c.layers.sharp, &c.layers.plain});
    script.begin("certified", "Layers that a sample spends outside ε, mean", "ε", "layers");
    script.line("set logscale xy\nset xrange [*:*] noextend");
    script.line(fmt::format(
        "plot $certificates using 1:4 with linespoints pointtype 7 pointsize 0.4 dashtype 2 linecolor rgb "
        "'{0}' "
        "title 'plain bound', $certificates using 1:3 with linespoints pointtype 7 pointsize 0.5 linewidth 2 "
        "linecolor rgb '{0}' title 'sharp bound', $certificates using 1:2 with linespoints pointtype 7 "
        "pointsize "
        "0.5 linewidth 2 linecolor rgb '{1}' title 'measured'",
        gnuplot::colour(1), gnuplot::colour(0)));
    script.end();
  }
  std::vector<double> norm = d.control_norm;
  norm.push_back(norm.back());  // the last value holds to the end of its interval
  std::vector<double> node(norm.size());
  std::iota(node.begin(), node.end(), 0.0);
  script.block("control", {&node, &norm});
  script.begin("control_norm", "Control over the layers", "layer", "‖u_k‖");
  script.line("set logscale y");
  script.line(
      fmt::format("plot $control with steps linewidth 2 linecolor rgb '{}' notitle", gnuplot::colour(3)));
  script.end();
  if (d.training.epoch.size() > 1) {
    const ReportData::Training& t = d.training;
    script.block("training", {&t.epoch, &t.objective, &t.running, &t.control, &t.terminal});
    script.begin("training", "Objective during training", "epoch", "objective and its terms");
    script.line("set logscale y");
    script.line(
        fmt::format("plot $training using 1:2 with lines linewidth 2.5 linecolor rgb '#222222' title 'V', "
                    "$training using 1:3 with lines linecolor rgb '{}' title 'running', "
                    "$training using 1:4 with lines linecolor rgb '{}' title 'control', "
                    "$training using 1:5 with lines linecolor rgb '{}' title 'terminal'",
                    gnuplot::colour(0), gnuplot::colour(3), gnuplot::colour(1)));
    script.end();
  }
}

}  // namespace

std::string write_figures(const ReportData& data, const std::filesystem::path& directory) {
  gnuplot::Script script;
  draw_states(script, data);
  if (data.regions) {
    draw_regions(script, data);
  }
  draw_curves(script, data);
  draw_confusion(script, data);
  if (data.misclassified) {
    draw_misclassified(script, data);
  }
  return script.draw(directory);
}

}  // namespace turnpike
