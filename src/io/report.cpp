#include "turnpike/report.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

#include "io/embedded.hpp"

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

/// `text` with what HTML would read as markup replaced.
std::string html_text(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

/// JSON that can stand inside a script element: "</script>" in a text would end it.
std::string script_json(const json& data) {
  std::string result;
  for (const char c : data.dump(-1, ' ', false, json::error_handler_t::replace)) {
    if (c == '<') {
      result += "\\u003c";
    } else {
      result += c;
    }
  }
  return result;
}

}  // namespace

std::string render_report(const ReportData& data) {
  const std::string_view page = embedded::file("page.html");
  std::string result;
  std::size_t at = 0;
  while (at < page.size()) {
    const std::size_t open = page.find("{{", at);
    if (open == std::string_view::npos) {
      break;
    }
    const std::size_t close = page.find("}}", open);
    result += page.substr(at, open - at);
    const std::string_view name = page.substr(open + 2, close - open - 2);
    if (name == "title") {
      result += html_text(data.title);
    } else if (name == "data") {
      result += script_json(data_json(data));
    } else {
      result += embedded::file(name);
    }
    at = close + 2;
  }
  result += page.substr(at);
  return result;
}

}  // namespace turnpike
