#include "turnpike/report.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "io/report_samples.hpp"
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

/// The data that the script on the page reads.
nlohmann::json data_of(const std::string& page) {
  const std::string open = "id=\"report-data\">";
  const std::size_t begin = page.find(open) + open.size();
  return nlohmann::json::parse(page.substr(begin, page.find("</script>", begin) - begin));
}

/// The same with what a classification of pictures adds, of `classes` classes.
ReportData report_of_pictures(std::size_t classes) {
  ReportData d = small_report();
  d.classes.resize(classes, "it's");
  d.train.confusion = {classes, std::vector<std::size_t>(classes * classes, 1)};
  d.train.confusion.counts[1] = 7;
  d.test = d.train;
  d.test->name = "test";
  d.cropping = Cropping{1, 2, -0.0002, -0.0005, cropping_tolerance, {}};
  d.misclassified = ReportPictures{"test", 2, 3, 5, {{4, 0, 1, {0, 255, 1, 2, 3, 4}}}};
  d.examples = d.misclassified;
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
  const auto data = data_of(page);
  CHECK(data["classes"][1] == "</script><b>");
  CHECK(data["train"]["y"][2][1].is_null());
  CHECK(data["regions"]["predicted"].size() == 4);
}

TEST_CASE("the report holds the confusion matrix, the pictures and what cropping costs") {
  const auto data = data_of(render_report(report_of_pictures(3)));
  CHECK(data["train"]["confusion"]["counts"] == std::vector<int>{1, 7, 1, 1, 1, 1, 1, 1, 1});
  CHECK(data["test"]["confusion"]["samples"] == std::vector<int>{9, 3, 3});
  CHECK(data["test"]["confusion"]["right"] == std::vector<int>{1, 1, 1});
  CHECK(data["misclassified"]["list"][0]["pixels"] == "AP8BAgME");
  CHECK(data["cropping"]["depth"] == 1);
  CHECK(data["cropping"]["text"] == "The layers after 1 of 2 can go: train accuracy −0.02 %, test −0.05 %.");
}

TEST_CASE("the report shows a study where there is one") {
  ReportData d = small_report();
  CHECK_FALSE(data_of(render_report(d)).contains("study"));
  d.study = R"({"study": "horizon", "rows": []})";
  const std::string page = render_report(d);
  CHECK(data_of(page)["study"]["study"] == "horizon");
  CHECK(page.find("id=\"study-outside\"") != std::string::npos);
  CHECK(page.find("{{") == std::string::npos);
}

TEST_CASE("of many classes the report holds the largest mistakes instead of the matrix") {
  const auto data = data_of(render_report(report_of_pictures(most_matrix_classes + 1)));
  CHECK_FALSE(data["train"]["confusion"].contains("counts"));
  CHECK(data["train"]["confusion"]["mistakes"].size() == 30);
  CHECK(data["train"]["confusion"]["mistakes"][0] == std::vector<int>{0, 1, 7});
}

TEST_CASE("a report of 60 layers stays small, with frames between them, too") {
  for (const std::size_t points : {std::size_t{1}, std::size_t{4}}) {
    const std::size_t frames = 60 * points + 1;
    const auto drawn = static_cast<std::size_t>(most_drawn_samples(static_cast<Index>(frames)));
    ReportData d = report_of_pictures(10);
    d.points = points;
    d.times.assign(frames, 0.0);
    d.train.labels.assign(drawn, 0);
    d.train.predicted.assign(drawn, 0);
    d.train.x.assign(frames, std::vector<double>(drawn, -1.0 / 3));
    d.train.y = d.train.x;
    d.test = d.train;
    d.misclassified->rows = d.misclassified->columns = 28;
    d.misclassified->list.assign(60, {0, 0, 1, std::vector<std::uint8_t>(784, 255)});
    d.examples = d.misclassified;
    CHECK(render_report(d).size() < 3'000'000);
  }
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

TEST_CASE("figures of a classification are drawn, of few classes and of many") {
  for (const std::size_t classes : {std::size_t{10}, most_matrix_classes + 1}) {
    const test::TemporaryDirectory directory;
    REQUIRE(write_figures(report_of_pictures(classes), directory / "figures") == "");
    for (const char* name : {"data", "accuracy", "confusion", "misclassified"}) {
      CAPTURE(name);
      const std::string svg = test::read_file(directory / "figures" / (std::string(name) + ".svg"));
      CHECK(svg.find("</svg>") != std::string::npos);
    }
  }
}

}  // namespace
}  // namespace turnpike
