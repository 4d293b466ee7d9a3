#include "comparison/comparison_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "io/gnuplot.hpp"
#include "io/page.hpp"
#include "io/text_file.hpp"

namespace turnpike {

namespace {

using json = nlohmann::ordered_json;

json number(double value) { return std::isfinite(value) ? json(value) : json(); }
json number(const std::optional<double>& value) { return value ? number(*value) : json(); }

json errors_json(const SchemeErrors& errors) {
  return {
      {"state", number(errors.state)}, {"cost", number(errors.cost)}, {"gradient", number(errors.gradient)}};
}

json work_json(const SchemeWork& work) {
  return {{"evaluations", work.evaluations}, {"products", work.products}, {"linear_solves", work.solves}};
}

json row_json(const SchemeRow& row) {
  const Objective& V = row.solution.objective;
  json result = {{"scheme", row.entry},
                 {"order", row.traits.order},
                 {"keeps_equilibria", row.traits.keeps_equilibria},
                 {"spurious_from", number(row.traits.spurious_from)}};
  if (!V.status.ok()) {
    result["failure"] = V.status.message();
    return result;
  }
  result["objective"] = V.total();
  result["accuracy"] = row.solution.accuracy;
  result["errors"] = errors_json(row.errors);
  result["work"] = work_json(row.work);
  result["seconds_per_gradient"] = row.seconds;
  return result;
}

json rows_json(const std::vector<SchemeRow>& rows) {
  json list = json::array();
  for (const SchemeRow& row : rows) {
    list.push_back(row_json(row));
  }
  return list;
}

json ladder_json(const WorkPrecision& ladder) {
  json points = json::array();
  for (const WorkPrecisionPoint& p : ladder.points) {
    points.push_back({{"scheme", p.entry},
                      {ladder.tolerance ? "rtol" : "step", p.step},
                      {"errors", errors_json(p.errors)},
                      {"work", work_json(p.work)},
                      {"seconds_per_gradient", p.seconds}});
  }
  return {{"scheme", ladder.scheme},
          {"order", ladder.order},
          {"by", ladder.tolerance ? "tolerance" : "steps"},
          {"observed_order",
           {{"state", number(ladder.state_order)},
            {"cost", number(ladder.cost_order)},
            {"gradient", number(ladder.gradient_order)}}},
          {"points", points}};
}

json cells_json(const std::vector<ExchangeCell>& cells) {
  json list = json::array();
  for (const ExchangeCell& cell : cells) {
    if (cell.failure.empty()) {
      list.push_back({{"scheme", cell.entry}, {"objective", cell.objective}, {"accuracy", cell.accuracy}});
    } else {
      list.push_back({{"scheme", cell.entry}, {"failure", cell.failure}});
    }
  }
  return list;
}

const char* outcome_name(TrainingOutcome outcome) {
  return outcome == TrainingOutcome::not_finite ? "failed" : "finished";
}

/// The pictures' data: a figure a kind of error, a curve a scheme.
struct Kind {
  const char* name;
  const char* title;
  double SchemeErrors::*error;
};
constexpr Kind kinds[] = {{"state", "Error of the states (root mean square)", &SchemeErrors::state},
                          {"cost", "Relative error of V", &SchemeErrors::cost},
                          {"gradient", "Relative error of the gradient", &SchemeErrors::gradient}};

std::string label(const WorkPrecision& ladder) {
  return ladder.scheme + (ladder.tolerance ? ", rtol" : ", equal steps");
}

void draw_ladders(gnuplot::Script& script, const std::vector<WorkPrecision>& ladders) {
  for (std::size_t i = 0; i < ladders.size(); ++i) {
    std::vector<std::vector<double>> columns(5);
    for (const WorkPrecisionPoint& p : ladders[i].points) {
      columns[0].push_back(p.work.evaluations + p.work.products);
      columns[1].push_back(1e3 * p.seconds);
      for (std::size_t k = 0; k < 3; ++k) {
        // Zero has no logarithm.
        columns[2 + k].push_back(std::max(p.errors.*kinds[k].error, 1e-17));
      }
    }
    if (ladders[i].points.empty()) {
      for (std::vector<double>& column : columns) {
        column.push_back(NAN);
      }
    }
    script.block(fmt::format("ladder{}", i),
                 {&columns[0], &columns[1], &columns[2], &columns[3], &columns[4]});
  }
  script.line("set terminal svg size 860,520 dynamic font 'Helvetica,14' background rgb 'white'");
  for (const bool time : {false, true}) {
    for (std::size_t k = 0; k < 3; ++k) {
      script.begin(fmt::format("work_precision_{}{}", kinds[k].name, time ? "_time" : ""), kinds[k].title,
                   time ? "milliseconds a value and gradient" : "evaluations and Jacobian products a sample",
                   "error");
      script.line("set logscale xy\nset format xy '10^{%T}'\nset key outside");
      std::vector<std::string> plots;
      for (std::size_t i = 0; i < ladders.size(); ++i) {
        plots.push_back(fmt::format(
            "$ladder{} using {}:{} with linespoints pointtype {} pointsize 0.5 linewidth 1.5 {}linecolor rgb "
            "'{}' title {}",
            i, time ? 2 : 1, 3 + k, 5 + 2 * (i / 8), ladders[i].tolerance ? "dashtype 2 " : "",
            gnuplot::colour(i), gnuplot::quoted(label(ladders[i]))));
      }
      script.line(fmt::format("plot {}", fmt::join(plots, ", ")));
      script.end();
      script.line("set format xy '%g'");
    }
  }
}

void draw_exchange(gnuplot::Script& script, const std::vector<TrainedScheme>& trained) {
  std::string rows = "$exchange << END\n";
  std::string columns_text;
  std::string rows_text;
  std::string labels;
  for (std::size_t i = 0; i < trained.size(); ++i) {
    rows_text += fmt::format("{}{} {}", i == 0 ? "" : ", ", gnuplot::quoted(trained[i].entry), i);
    for (std::size_t j = 0; j < trained[i].cells.size(); ++j) {
      const ExchangeCell& cell = trained[i].cells[j];
      const bool failed = !cell.failure.empty();
      rows += failed ? "NaN " : fmt::format("{:.6g} ", 100 * cell.accuracy);
      labels += fmt::format("set label {} at {},{} center front font ',11'\n",
                            gnuplot::quoted(failed ? "failed" : fmt::format("{:.1f} %", 100 * cell.accuracy)),
                            j, i);
      if (i == 0) {
        columns_text += fmt::format("{}{} {}", j == 0 ? "" : ", ", gnuplot::quoted(cell.entry), j);
      }
    }
    rows += "\n";
  }
  script.line("set terminal svg size 860,600 dynamic font 'Helvetica,13' background rgb 'white'");
  script.line(rows + "END");
  script.begin("exchange", "Accuracy: trained with one scheme (rows), run with another (columns)", "", "");
  script.line(
      fmt::format("set xtics ({}) rotate by 30 right\nset ytics ({})\nset key off\nunset grid\n"
                  "set yrange [{}:-0.5] \nset xrange [-0.5:{}]\nset cbrange [50:100]\n"
                  "set palette defined (0 '#f8d0d0', 0.9 '#fae6bd', 1 '#c5ebdd')\nset cblabel 'accuracy in "
                  "%'\nset style fill solid 1 noborder\n{}",
                  columns_text, rows_text, static_cast<double>(trained.size()) - 0.5,
                  static_cast<double>(trained.front().cells.size()) - 0.5, labels));
  script.line("plot $exchange matrix with image pixels");
  script.end();
  script.line(
      "unset label\nset xtics autofreq norotate\nset ytics autofreq\nset grid\n"
      "set style fill transparent solid 0.2 noborder");
}

/// A scheme whose states are farther off than this has not found the solution, and its time says nothing.
constexpr double lost = 0.1;

void draw_sweep(gnuplot::Script& script, const ComparisonSweep& sweep) {
  const std::size_t schemes = sweep.rows.front().size();
  for (std::size_t i = 0; i < schemes; ++i) {
    std::vector<double> milliseconds;
    for (const std::vector<SchemeRow>& rows : sweep.rows) {
      const bool found = rows[i].solution.objective.status.ok() && rows[i].errors.state <= lost;
      milliseconds.push_back(found ? 1e3 * rows[i].seconds : NAN);
    }
    script.block(fmt::format("sweep{}", i), {&sweep.values, &milliseconds});
  }
  script.line("set terminal svg size 860,520 dynamic font 'Helvetica,14' background rgb 'white'");
  script.begin("sweep", "Time of one value and gradient, where the solution is found", sweep.key,
               "milliseconds");
  script.line("set logscale xy\nset key outside");
  std::vector<std::string> plots;
  for (std::size_t i = 0; i < schemes; ++i) {
    plots.push_back(
        fmt::format("$sweep{} using 1:2 with linespoints pointtype {} pointsize 0.6 linewidth 2 linecolor "
                    "rgb '{}' title {}",
                    i, 5 + 2 * (i / 8), gnuplot::colour(i), gnuplot::quoted(sweep.rows.front()[i].entry)));
  }
  script.line(fmt::format("plot {}", fmt::join(plots, ", ")));
  script.end();
}

}  // namespace

nlohmann::ordered_json comparison_json(const ComparisonResults& results) {
  json result = {{"title", results.title}, {"control", results.control}};
  if (results.reference) {
    const ReferenceSolution& r = *results.reference;
    result["reference"] = {{"scheme", r.scheme},
                           {"second_scheme", r.second_scheme},
                           {"objective", r.solution.objective.total()},
                           {"accuracy", r.solution.accuracy},
                           {"apart", errors_json(r.apart)},
                           {"limited_by_kinks", r.limited_by_kinks}};
  }
  if (!results.rows.empty()) {
    result["schemes"] = rows_json(results.rows);
  }
  for (const WorkPrecision& ladder : results.work_precision) {
    result["work_precision"].push_back(ladder_json(ladder));
  }
  for (const TrainedScheme& t : results.trained) {
    result["trained"].push_back({{"scheme", t.entry},
                                 {"outcome", outcome_name(t.result.outcome)},
                                 {"message", t.result.message},
                                 {"epochs", t.result.epoch},
                                 {"seconds", t.seconds},
                                 {"run_with", cells_json(t.cells)},
                                 {"refined", cells_json(t.refinement)}});
  }
  if (results.interrupted) {
    result["interrupted"] = true;
  }
  if (results.sweep) {
    json values = json::array();
    for (std::size_t i = 0; i < results.sweep->values.size(); ++i) {
      values.push_back({{"value", results.sweep->values[i]}, {"schemes", rows_json(results.sweep->rows[i])}});
    }
    result["sweep"] = {{"key", results.sweep->key}, {"values", values}};
  }
  return result;
}

std::string write_comparison(const ComparisonResults& results, const std::filesystem::path& directory) {
  const json data = comparison_json(results);
  gnuplot::Script script;
  bool drawn = false;
  if (!results.work_precision.empty()) {
    draw_ladders(script, results.work_precision);
    drawn = true;
  }
  if (!results.trained.empty()) {
    draw_exchange(script, results.trained);
    drawn = true;
  }
  if (results.sweep) {
    draw_sweep(script, *results.sweep);
    drawn = true;
  }
  const Page page = {.command = "turnpike compare",
                     .main = "comparison.html",
                     .scripts = {"chart.min.js", "charts.js", "comparison.js"}};
  write_file_atomically(directory / "report.html", render_page(page, results.title, nlohmann::json(data)));
  std::string no_figures = drawn ? script.draw(directory / "figures") : std::string();
  write_file_atomically(directory / "comparison.json", data.dump(2) + "\n");  // last: all the rest is there
  return no_figures;
}

}  // namespace turnpike
