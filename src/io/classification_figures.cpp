#include "io/classification_figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace turnpike {

namespace {

/// "('first' 0, 'second' 1, …)".
std::string tics(const std::vector<std::string>& names) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < names.size(); ++i) {
    parts.push_back(fmt::format("{} {}", gnuplot::quoted(names[i]), i));
  }
  return fmt::format("({})", fmt::join(parts, ", "));
}

std::size_t longest(const std::vector<std::string>& names) {
  std::size_t size = 0;
  for (const std::string& name : names) {
    size = std::max(size, name.size());
  }
  return size;
}

void draw_matrix(gnuplot::Script& script, const ConfusionMatrix& m, const std::vector<std::string>& names) {
  const std::size_t C = m.classes;
  const auto share = [&m](std::size_t label, std::size_t predicted) {
    return static_cast<double>(m.at(label, predicted)) /
           static_cast<double>(std::max<std::size_t>(1, m.samples(label)));
  };
  double largest = 1e-12;
  for (const ConfusionMatrix::Mistake& mistake : m.mistakes()) {
    largest = std::max(largest, share(mistake.label, mistake.predicted));
  }
  // Mistakes are 0 to 1, the diagonal is 0 to −1. The first label stands at the top.
  std::string shades = "$confusion << END\n";
  std::string numbers = "$counts << END\n";
  for (std::size_t row = 0; row < C; ++row) {
    const std::size_t label = C - 1 - row;
    for (std::size_t predicted = 0; predicted < C; ++predicted) {
      const double s = share(label, predicted);
      shades += fmt::format("{:.4f} ", label == predicted ? -s : std::sqrt(s / largest));
      if (m.at(label, predicted) > 0) {
        numbers += fmt::format("{} {} {}\n", predicted, row, m.at(label, predicted));
      }
    }
    shades += "\n";
  }
  script.line(shades + "END\n" + numbers + "END");
  const std::vector<std::string> upwards(names.rbegin(), names.rend());
  script.line(
      "set palette defined (-1 '#bfe8d8', 0 '#ffffff', 1 '#ee8a80')\nset cbrange [-1:1]\nunset colorbox");
  script.line(fmt::format("set size ratio 1\nset xtics {} noenhanced{}\nset ytics {} noenhanced\nunset grid",
                          tics(names), longest(names) > 4 ? " rotate by 45 right" : "", tics(upwards)));
  script.line(fmt::format("set xrange [-0.5:{0}.5]\nset yrange [-0.5:{0}.5]", C - 1));
  script.line(fmt::format(
      "plot $confusion matrix with image pixels notitle, $counts using 1:2:3 with labels font ',{}' notitle",
      C <= 12 ? 12 : 8));
  script.line("set xtics autofreq norotate\nset ytics autofreq\nset grid");
}

void draw_mistakes(gnuplot::Script& script, const ConfusionMatrix& m, const std::vector<std::string>& names) {
  constexpr std::size_t most = 20;
  std::vector<ConfusionMatrix::Mistake> mistakes = m.mistakes();
  mistakes.resize(std::min(mistakes.size(), most));
  if (mistakes.empty()) {
    mistakes.push_back({});
  }
  std::vector<double> count;
  std::vector<double> place;
  std::vector<std::string> pairs;
  for (auto mistake = mistakes.rbegin(); mistake != mistakes.rend(); ++mistake) {
    place.push_back(static_cast<double>(pairs.size()));
    count.push_back(static_cast<double>(mistake->count));
    pairs.push_back(mistake->count == 0
                        ? "none"
                        : fmt::format("{} → {}", names[mistake->label], names[mistake->predicted]));
  }
  script.block("mistakes", {&place, &count});
  script.line(fmt::format("set ytics {} noenhanced\nset yrange [-0.6:{}.6]\nset xrange [0:*]", tics(pairs),
                          pairs.size() - 1));
  script.line(
      fmt::format("plot $mistakes using ($2/2):1:($2/2):(0.35) with boxxyerror linecolor rgb '{}' notitle",
                  gnuplot::colour(5)));
  script.line("set ytics autofreq");
}

/// Pictures in rows of ten, one caption each.
void draw_pictures(gnuplot::Script& script, const std::string& file, const std::string& title,
                   const ReportPictures& p, const std::vector<std::string>& captions) {
  // Viewers blur a picture that they enlarge: each pixel is a block of points.
  const std::size_t block = std::max<std::size_t>(1, 56 / p.columns);
  const std::size_t width = p.columns * block;
  const std::size_t height = p.rows * block;
  const std::size_t gap = std::max<std::size_t>(1, width / 8);
  const std::size_t caption = std::max<std::size_t>(1, width / 3);
  const std::size_t across = std::min<std::size_t>(10, p.list.size());
  const std::size_t down = (p.list.size() + across - 1) / across;
  const std::size_t columns = across * (width + gap);
  const std::size_t rows = down * (height + caption);
  std::string mosaic = "$pictures << END\n";
  for (std::size_t y = rows; y-- > 0;) {
    for (std::size_t x = 0; x < columns; ++x) {
      const std::size_t i = y / (height + caption) * across + x / (width + gap);
      const std::size_t inside_x = x % (width + gap);
      const std::size_t inside_y = y % (height + caption);
      const bool paper = i >= p.list.size() || inside_x >= width || inside_y >= height;
      mosaic += fmt::format(
          "{} ", paper ? 255 : int{p.list[i].pixels[inside_y / block * p.columns + inside_x / block]});
    }
    mosaic += "\n";
  }
  script.line(mosaic + "END");
  script.line(fmt::format(
      "set terminal svg size {},{} dynamic font 'Helvetica,12' background rgb 'white'", 80 * across + 40,
      static_cast<std::size_t>(80.0 * static_cast<double>(across * rows) / static_cast<double>(columns)) +
          70));
  script.begin(file, title, "", "");
  script.line(
      fmt::format("set size ratio {:.6f}\nset palette gray\nset cbrange [0:255]\nunset colorbox\n"
                  "unset border\nunset tics\nunset grid\nset xrange [-0.5:{}.5]\nset yrange [-0.5:{}.5]",
                  static_cast<double>(rows) / static_cast<double>(columns), columns - 1, rows - 1));
  for (std::size_t i = 0; i < p.list.size(); ++i) {
    const double x = static_cast<double>(i % across * (width + gap)) + static_cast<double>(width) / 2;
    const std::size_t row = i / across;
    const double y = static_cast<double>(rows) - static_cast<double>(row * (height + caption) + height) -
                     static_cast<double>(caption) / 2;
    script.line(
        fmt::format("set label {} at {},{} center noenhanced front", gnuplot::quoted(captions[i]), x, y));
  }
  script.line("plot $pictures matrix with image notitle\nunset label");
  script.end();
  script.line(gnuplot::defaults());
}

}  // namespace

void draw_confusion(gnuplot::Script& script, const ReportData& data) {
  const ReportSplit& split = data.test ? *data.test : data.train;
  if (split.confusion.samples() == 0) {
    return;
  }
  const bool whole = split.confusion.classes <= most_matrix_classes;
  const std::string title = fmt::format("{} of {} {} samples are right", split.confusion.right(),
                                        split.confusion.samples(), split.name);
  if (whole) {
    script.begin("confusion", title, "predicted class", "label");
    draw_matrix(script, split.confusion, data.classes);
  } else {
    script.begin("confusion", title + "; the largest mistakes", "samples", "label → predicted class");
    draw_mistakes(script, split.confusion, data.classes);
  }
  script.end();
}

void draw_examples(gnuplot::Script& script, const ReportData& data) {
  std::vector<std::string> captions;
  for (const ReportPicture& picture : data.examples->list) {
    captions.push_back(data.classes[static_cast<std::size_t>(picture.label)]);
  }
  draw_pictures(script, "data", "Training samples", *data.examples, captions);
}

void draw_misclassified(gnuplot::Script& script, const ReportData& data) {
  const ReportPictures& pictures = *data.misclassified;
  const auto name = [&data](int c) { return data.classes[static_cast<std::size_t>(c)]; };
  std::vector<std::string> captions;
  for (const ReportPicture& picture : pictures.list) {
    captions.push_back(name(picture.label) + " → " + name(picture.predicted));
  }
  draw_pictures(script, "misclassified",
                fmt::format("{} of {} misclassified {} samples: label → predicted class",
                            pictures.list.size(), pictures.wrong, pictures.split),
                pictures, captions);
}

}  // namespace turnpike
