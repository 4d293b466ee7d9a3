#include "study/study_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "io/gnuplot.hpp"
#include "io/page.hpp"
#include "io/text_file.hpp"

namespace turnpike {

namespace {

using json = nlohmann::ordered_json;

double number(const json& row, const char* key) {
  return row.contains(key) && row[key].is_number() ? row[key].get<double>() : NAN;
}

json without_trajectory(json row) {
  row.erase("trajectory");
  return row;
}

/// The finished rows of `value`, that with the lowest V first.
std::vector<const json*> finished_rows(const json& study, const json& value) {
  std::vector<const json*> rows;
  for (const json& row : study["rows"]) {
    if (row["value"] == value && !row.contains("failure")) {
      rows.push_back(&row);
    }
  }
  std::sort(rows.begin(), rows.end(),
            [](const json* a, const json* b) { return number(*a, "objective") < number(*b, "objective"); });
  return rows;
}

json gap_summary(const json& study) {
  double best = std::numeric_limits<double>::infinity();
  for (const json& row : study["rows"]) {
    best = std::isfinite(number(row, "objective")) ? std::min(best, number(row, "objective")) : best;
  }
  json list = json::array();
  for (const json& row : study["rows"]) {
    json entry = without_trajectory(row);
    if (!row.contains("failure")) {
      entry["gap"] = number(row, "objective") - best;
    }
    list.push_back(std::move(entry));
  }
  return list;
}

/// The curves of the trajectories, value by value, of the best seed each.
void draw_trajectories(gnuplot::Script& script, const json& study) {
  struct Picture {
    const char* file;
    const char* title;
    const char* y;
    const char* key;
  };
  constexpr Picture pictures[] = {
      {"distance", "Distance to the minimizers, best seed", "root mean square distance", "distance_rms"},
      {"costate", "Costates, best seed", "sum of the samples' costate norms", "costate_norm"},
      {"hamiltonian", "Hamiltonian, best seed", "|H|, mean of both ends of an interval", nullptr}};
  for (const Picture& picture : pictures) {
    std::vector<std::string> plots;
    for (std::size_t i = 0; i < study["values"].size(); ++i) {
      const std::vector<const json*> rows = finished_rows(study, study["values"][i]);
      if (rows.empty() || !rows.front()->contains("trajectory")) {
        continue;
      }
      const json& path = (*rows.front())["trajectory"];
      auto t = path["t"].get<std::vector<double>>();
      std::vector<double> y;
      if (picture.key != nullptr) {
        y = path[picture.key].get<std::vector<double>>();
      } else {
        t.pop_back();
        for (std::size_t k = 0; k < t.size(); ++k) {
          y.push_back(std::abs(path["hamiltonian_begin"][k].get<double>() +
                               path["hamiltonian_end"][k].get<double>()) /
                      2);
        }
      }
      for (double& value : y) {
        value = std::max(value, 1e-12);  // zero has no logarithm
      }
      const std::string name = fmt::format("{}{}", picture.file, i);
      script.block(name, {&t, &y});
      plots.push_back(fmt::format("${} using 1:2 with lines linewidth 1.5 linecolor rgb '{}' title {}", name,
                                  gnuplot::colour(i),
                                  gnuplot::quoted(fmt::format("{} = {}", study["varies"].get<std::string>(),
                                                              study["values"][i].get<double>()))));
    }
    if (plots.empty()) {
      continue;
    }
    script.begin(picture.file, picture.title, "t", picture.y);
    script.line("set logscale y\nset format y '10^{%T}'");
    script.line(fmt::format("plot {}", fmt::join(plots, ", ")));
    script.end();
    script.line("set format y '%g'");
  }
}

/// Of a row: the name of layers, or time, outside by root mean square distance and by mean over samples.
struct OutsideKeys {
  const char* rms;
  const char* sample;
};

bool in_time(const json& study) { return study["varies"] == "T"; }

OutsideKeys outside_keys(const json& study) {
  return in_time(study) ? OutsideKeys{"theta_rms", "theta_sample"}
                        : OutsideKeys{"outside_rms", "outside_sample"};
}

/// The certified layers outside as layers or time: in time each of them lasts as long as an interval.
double certified_outside(const json& study, const json& row) {
  const double unit = in_time(study) ? number(row, "horizon") / number(row, "intervals") : 1;
  return unit * number(row, "outside_certified");
}

/// Where the axis of layers or time outside ends at the latest: at twice all that is drawn of the best seeds,
/// so that a seed that did not train does not flatten the curves.
double outside_limit(const json& study, const json& summary) {
  double most = 0;
  const OutsideKeys keys = outside_keys(study);
  for (const json& entry : summary) {
    const json& row = entry["best"];
    for (const double value :
         {number(row, keys.rms), number(row, keys.sample), certified_outside(study, row)}) {
      most = std::isfinite(value) ? std::max(most, value) : most;
    }
  }
  return most > 0 ? 2 * most : 1;
}

/// Whether the values of a ladder are drawn over their logarithms: where they range over a factor of 20.
bool has_logarithmic_axis(const json& study) {
  const auto values = study["values"].get<std::vector<double>>();
  return study["study"] != "optimality" && values.front() > 0 && values.back() >= 20 * values.front();
}

void draw_outside(gnuplot::Script& script, const json& study, const json& summary) {
  const bool gaps = study["study"] == "optimality";
  const bool time = in_time(study);
  std::vector<double> x;
  std::vector<std::vector<double>> columns(3);
  std::vector<double> every_x;
  std::vector<double> every_y;
  std::vector<double> beyond_x;
  std::vector<double> beyond_y;
  double farthest = 0;
  const OutsideKeys keys = outside_keys(study);
  for (const json& entry : summary) {
    const json& row = gaps ? entry : entry["best"];
    const double own = gaps ? number(row, "gap") : entry["value"].get<double>();
    x.push_back(own > 0 || !gaps ? own : NAN);
    columns[0].push_back(number(row, keys.rms));
    columns[1].push_back(number(row, keys.sample));
    columns[2].push_back(certified_outside(study, row));
  }
  if (std::none_of(columns[0].begin(), columns[0].end(), [](double value) { return std::isfinite(value); })) {
    return;
  }
  const double limit = gaps ? 0 : outside_limit(study, summary);
  for (const json& row : study["rows"]) {
    const double value = number(row, keys.rms);
    if (!gaps && value > limit) {
      beyond_x.push_back(row["value"].get<double>());
      beyond_y.push_back(limit);
      farthest = std::max(farthest, value);
    } else {
      every_x.push_back(row["value"].get<double>());
      every_y.push_back(value);
    }
  }
  script.block("outside", {&x, &columns[0], &columns[1], &columns[2]});
  script.block("every", {&every_x, &every_y});
  const std::string epsilon = fmt::format("{}", study["epsilon"].get<double>());
  script.begin("outside",
               (time ? "Time" : "Layers") + std::string(" farther than ") + epsilon + " from the minimizers",
               gaps ? "V - best V" : study["varies"].get<std::string>(), time ? "time" : "layers");
  if (has_logarithmic_axis(study)) {
    script.line("set logscale x");
  }
  script.line(gaps               ? "set logscale xy\nset format x '10^{%T}'"
              : beyond_x.empty() ? "set yrange [0:*]"
                                 : fmt::format("set yrange [0:{}]", limit));
  script.line("set key bmargin center vertical\nset bmargin 9");  // the curves need the whole frame
  const char* const with =
      gaps ? "points pointtype 7 pointsize 0.4" : "linespoints pointtype 7 pointsize 0.5";
  std::string plot = fmt::format(
      "plot $outside using 1:2 with {0} linecolor rgb '{1}' title 'root mean square distance', '' using 1:3 "
      "with {0} "
      "linecolor rgb '{2}' title 'mean over samples', '' using 1:4 with {0} linecolor rgb '{3}' title "
      "'certified, "
      "mean over samples'",
      with, gnuplot::colour(0), gnuplot::colour(1), gnuplot::colour(2));
  if (!gaps) {
    const auto failed = std::count_if(study["rows"].begin(), study["rows"].end(),
                                      [](const json& row) { return row.contains("failure"); });
    plot +=
        fmt::format(", $every using 1:2 with points pointtype 6 pointsize 0.7 linecolor rgb '{}' title {}",
                    gnuplot::colour(7),
                    gnuplot::quoted("every seed, root mean square distance" +
                                    (failed > 0 ? fmt::format(" ({} failed)", failed) : "")));
  }
  if (!beyond_x.empty()) {
    script.block("beyond", {&beyond_x, &beyond_y});
    plot += fmt::format(
        ", $beyond using 1:2 with points pointtype 9 pointsize 1.2 linecolor rgb '{}' title {}",
        gnuplot::colour(7),
        gnuplot::quoted(fmt::format("seeds beyond the axis: {}, up to {:.4g}", beyond_x.size(), farthest)));
  }
  script.line(plot);
  script.end();
  script.line("set format x '%g'\nunset bmargin");
}

}  // namespace

json study_summary(const json& study) {
  if (study["study"] == "optimality") {
    return gap_summary(study);
  }
  json list = json::array();
  for (const json& value : study["values"]) {
    const std::vector<const json*> rows = finished_rows(study, value);
    const auto failed = std::count_if(study["rows"].begin(), study["rows"].end(), [&](const json& row) {
      return row["value"] == value && row.contains("failure");
    });
    if (rows.empty() && failed == 0) {
      continue;
    }
    json entry = {{"value", value}, {"seeds", rows.size()}, {"failed", failed}, {"best", json::object()}};
    if (!rows.empty()) {
      entry["best"] = without_trajectory(*rows.front());
      std::vector<double> outside;
      outside.reserve(rows.size());
      for (const json* row : rows) {
        outside.push_back(number(*row, "outside_rms"));
      }
      entry["outside_rms_least"] = *std::min_element(outside.begin(), outside.end());
      entry["outside_rms_most"] = *std::max_element(outside.begin(), outside.end());
    }
    list.push_back(std::move(entry));
  }
  return list;
}

json study_page(const json& study) {
  json page = study;
  page["summary"] = study_summary(study);
  if (study["study"] != "optimality") {
    page["outside_limit"] = outside_limit(study, page["summary"]);
  }
  page["logarithmic_axis"] = has_logarithmic_axis(study);
  for (json& row : page["rows"]) {  // of the others no curve is drawn
    const std::vector<const json*> rows = finished_rows(study, row["value"]);
    if (rows.empty() || row["seed"] != (*rows.front())["seed"]) {
      row.erase("trajectory");
    }
  }
  return page;
}

std::string write_study_report(const json& study, const std::filesystem::path& directory) {
  const Page page = {.command = "turnpike study",
                     .main = "study.html",
                     .scripts = {"chart.min.js", "charts.js", "study.js"}};
  write_file_atomically(directory / "report.html", render_page(page, study["title"].get<std::string>(),
                                                               nlohmann::json{{"study", study_page(study)}}));
  gnuplot::Script script;
  draw_outside(script, study, study_summary(study));
  draw_trajectories(script, study);
  return script.draw(directory / "figures");
}

}  // namespace turnpike
