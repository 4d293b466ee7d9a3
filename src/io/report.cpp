#include "turnpike/report.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "io/page.hpp"

namespace turnpike {

namespace {

using nlohmann::json;

/// Six significant digits, more than a screen shows; null for what is not finite.
json numbers(const std::vector<double>& values) {
  json list = json::array();
  for (const double value : values) {
    if (std::isfinite(value)) {
      list.push_back(std::stod(fmt::format("{:.6g}", value)));
    } else {
      list.push_back(nullptr);
    }
  }
  return list;
}

json nodes(const std::vector<std::vector<double>>& values) {
  json list = json::array();
  for (const std::vector<double>& row : values) {
    list.push_back(numbers(row));
  }
  return list;
}

json split_json(const ReportSplit& split) {
  return {{"name", split.name},
          {"labels", split.labels},
          {"predicted", split.predicted},
          {"x", nodes(split.x)},
          {"y", nodes(split.y)},
          {"loss", numbers(split.loss)},
          {"accuracy", numbers(split.accuracy)}};
}

json data_json(const ReportData& d) {
  json data = {{"title", d.title},
               {"classes", d.classes},
               {"x_name", d.x_name},
               {"y_name", d.y_name},
               {"points", d.points},
               {"times", numbers(d.times)},
               {"train", split_json(d.train)},
               {"control_norm", numbers(d.control_norm)}};
  json facts = json::array();
  for (const auto& [label, value] : d.facts) {
    facts.push_back({label, value});
  }
  data["facts"] = facts;
  if (d.test) {
    data["test"] = split_json(*d.test);
  }
  if (d.distance) {
    data["distance"] = {{"epsilon", d.distance->epsilon},
                        {"mean", numbers(d.distance->mean)},
                        {"max", numbers(d.distance->max)},
                        {"low", numbers(d.distance->low)},
                        {"high", numbers(d.distance->high)}};
  }
  if (d.entry_layer) {
    data["entry_layer"] = *d.entry_layer;
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
  return data;
}

}  // namespace

std::string render_report(const ReportData& data) {
  return render_page("page.html", data.title, data_json(data));
}

}  // namespace turnpike
