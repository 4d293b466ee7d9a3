#include "turnpike/report.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "temporary_directory.hpp"

namespace turnpike {
namespace {

ReportData small_report() {
  ReportData d;
  d.title = "a <b> & </script>";
  d.facts = {{"V", "1"}};
  d.classes = {"it's", "</script><b>"};
  d.x_name = "x1";
  d.y_name = "x2";
  d.times = {0, 1, 2};
  d.train.name = "train";
  d.train.labels = {0, 1};
  d.train.predicted = {0, 0};
  d.train.x = {{0, 1}, {0, 2}, {0, 3}};
  d.train.y = {{1, 1}, {1, 2}, {1, NAN}};
  d.train.loss = {1, 0.1, 0.01};
  d.train.accuracy = {0.5, 0.5, 0.5};
  d.control_norm = {1, 0.5};
  d.minimizers = {{1, -1, true}, {-1, 1, false}};
  d.distance = ReportData::Distance{1, {1, 0.5, 0.1}, {2, 1, 0.5}, {0.5, 0.2, 0.05}, {1.5, 0.8, 0.4}};
  d.regions = ReportData::Regions{-1, 1, -1, 1, 2, 2, {0, 1, 1, 0}};
  d.training = {{1, 2}, {3, 2}, {2, 1}, {1, 1}, {0.1, 0.1}, {0.1, 0.05}};
  return d;
}

TEST_CASE("the report is one file that asks for nothing from elsewhere") {
  const std::string page = render_report(small_report());
  CHECK(page.find("{{") == std::string::npos);
  CHECK(page.find(" src=\"") == std::string::npos);
  CHECK(page.find("<link") == std::string::npos);
  CHECK(page.find("@import") == std::string::npos);
  CHECK(page.find("new Chart(") != std::string::npos);
}

TEST_CASE("the report's data are JSON that no text can break out of, with gaps for what is not finite") {
  const std::string page = render_report(small_report());
  CHECK(page.find("<title>a &lt;b&gt; &amp; &lt;/script&gt;") != std::string::npos);
  const std::string open = "id=\"report-data\">";
  const std::size_t begin = page.find(open) + open.size();
  const auto data = nlohmann::json::parse(page.substr(begin, page.find("</script>", begin) - begin));
  CHECK(data["classes"][1] == "</script><b>");
  CHECK(data["train"]["y"][2][1].is_null());
  CHECK(data["regions"]["predicted"].size() == 4);
}

TEST_CASE("figures are drawn as SVG, names with quotes included") {
  const test::TemporaryDirectory directory;
  const std::filesystem::path figures = directory / "it's here";
  REQUIRE(write_figures(small_report(), figures) == "");
  for (const char* name : {"data", "flow", "final_layer", "regions", "loss", "loss_log", "distance",
                           "control_norm", "training"}) {
    CAPTURE(name);
    const std::string svg = test::read_file(figures / (std::string(name) + ".svg"));
    CHECK(svg.find("<svg") != std::string::npos);
    CHECK(svg.find("</svg>") != std::string::npos);
  }
}

}  // namespace
}  // namespace turnpike
