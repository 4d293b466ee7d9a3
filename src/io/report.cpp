#include "turnpike/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "io/base64.hpp"
#include "io/page.hpp"

namespace turnpike {

namespace {

using nlohmann::json;

/// `digits` significant digits; null for what is not finite. Six are more than a screen shows.
json numbers(const std::vector<double>& values, int digits = 6) {
  json list = json::array();
  for (const double value : values) {
    if (std::isfinite(value)) {
      list.push_back(std::stod(fmt::format("{:.{}g}", value, digits)));
    } else {
      list.push_back(nullptr);
    }
  }
  return list;
}

/// Places on a square of some hundred pixels: four digits are more than it shows.
json places(const std::vector<std::vector<double>>& values) {
  json list = json::array();
  for (const std::vector<double>& row : values) {
    list.push_back(numbers(row, 4));
  }
  return list;
}

/// Samples and right ones class by class; all counts of few classes, the largest mistakes of many.
json confusion_json(const ConfusionMatrix& matrix, const std::string& split,
                    const std::vector<std::string>& names) {
  json samples = json::array();
  json right = json::array();
  for (std::size_t c = 0; c < matrix.classes; ++c) {
    samples.push_back(matrix.samples(c));
    right.push_back(matrix.at(c, c));
  }
  json result = {{"summary", matrix.summary(split, names)}, {"samples", samples}, {"right", right}};
  if (matrix.classes <= most_matrix_classes) {
    result["counts"] = matrix.counts;
    return result;
  }
  constexpr std::size_t most_mistakes = 30;
  std::vector<ConfusionMatrix::Mistake> mistakes = matrix.mistakes();
  mistakes.resize(std::min(mistakes.size(), most_mistakes));
  result["mistakes"] = json::array();
  for (const ConfusionMatrix::Mistake& m : mistakes) {
    result["mistakes"].push_back({m.label, m.predicted, m.count});
  }
  return result;
}

json split_json(const ReportSplit& split, const std::vector<std::string>& names) {
  json result = {{"name", split.name},
                 {"labels", split.labels},
                 {"predicted", split.predicted},
                 {"x", places(split.x)},
                 {"y", places(split.y)},
                 {"loss", numbers(split.loss)},
                 {"accuracy", numbers(split.accuracy)}};
  if (split.confusion.samples() > 0) {
    result["confusion"] = confusion_json(split.confusion, split.name, names);
  }
  return result;
}

json pictures_json(const ReportPictures& pictures) {
  json list = json::array();
  for (const ReportPicture& picture : pictures.list) {
    list.push_back({{"sample", picture.sample},
                    {"label", picture.label},
                    {"predicted", picture.predicted},
                    {"pixels", base64(picture.pixels)}});
  }
  return {{"split", pictures.split},
          {"rows", pictures.rows},
          {"columns", pictures.columns},
          {"wrong", pictures.wrong},
          {"list", list}};
}

json data_json(const ReportData& d) {
  json data = {{"title", d.title},
               {"classes", d.classes},
               {"x_name", d.x_name},
               {"y_name", d.y_name},
               {"plane_note", d.plane_note},
               {"points", d.points},
               {"times", numbers(d.times)},
               {"train", split_json(d.train, d.classes)},
               {"control_norm", numbers(d.control_norm)}};
  json facts = json::array();
  for (const auto& [label, value] : d.facts) {
    facts.push_back({label, value});
  }
  data["facts"] = facts;
  if (d.test) {
    data["test"] = split_json(*d.test, d.classes);
  }
  if (d.distance) {
    data["distance"] = {{"epsilon", d.distance->epsilon},
                        {"mean", numbers(d.distance->mean)},
                        {"max", numbers(d.distance->max)},
                        {"low", numbers(d.distance->low)},
                        {"high", numbers(d.distance->high)}};
  }
  if (d.certificates) {
    const auto curves = [](const ReportData::Certificates::Curves& c) {
      return json{
          {"measured", numbers(c.measured)}, {"sharp", numbers(c.sharp)}, {"plain", numbers(c.plain)}};
    };
    data["certificates"] = {{"epsilon", d.certificates->epsilon},
                            {"layers", curves(d.certificates->layers)},
                            {"time", curves(d.certificates->time)},
                            {"text", d.certificates->text}};
  }
  if (d.entry_layer) {
    data["entry_layer"] = *d.entry_layer;
  }
  if (d.cropping) {
    data["cropping"] = {{"depth", d.cropping->depth}, {"text", d.cropping->text()}};
  }
  if (d.examples) {
    data["examples"] = pictures_json(*d.examples);
  }
  if (d.misclassified) {
    data["misclassified"] = pictures_json(*d.misclassified);
  }
  data["minimizers"] = json::array();
  for (const ReportData::Minimizer& m : d.minimizers) {
    data["minimizers"].push_back({{"x", m.x}, {"y", m.y}, {"line", m.line}});
  }
  const ReportData::Training& t = d.training;
  data["training"] = {{"epoch", numbers(t.epoch)},
                      {"objective", numbers(t.objective)},
                      {"running", numbers(t.running)},
                      {"control", numbers(t.control)},
                      {"terminal", numbers(t.terminal)}};
  if (d.regions) {
    const ReportData::Regions& r = *d.regions;
    data["regions"] = {{"x_min", r.x_min},        {"x_max", r.x_max},     {"y_min", r.y_min},
                       {"y_max", r.y_max},        {"columns", r.columns}, {"rows", r.rows},
                       {"predicted", r.predicted}};
  }
  if (!d.study.empty()) {
    data["study"] = json::parse(d.study);
  }
  return data;
}

}  // namespace

std::string render_report(const ReportData& data) {
  return render_page({.command = "turnpike report",
                      .main = "run.html",
                      .scripts = {"chart.min.js", "charts.js", "run.js", "cropping.js", "confusion.js",
                                  "pictures.js", "study.js"}},
                     data.title, data_json(data));
}

}  // namespace turnpike
