#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "program.hpp"
#include "refused.hpp"

namespace turnpike::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

TEST_CASE("evaluate gives the run's own objective, other schemes, and predictions") {
  const Program program;
  REQUIRE(program.train("run").status == 0);
  const json summary = json::parse(program.read("run/summary.json"));
  const ProcessResult result = program({"evaluate", "run", "--json", "--predictions", "p.csv"});
  REQUIRE(result.status == 0);
  const json own = json::parse(result.out);
  CHECK(own["train"]["objective"] == summary["objective"]);
  CHECK(own["test"]["accuracy"] == summary["accuracy_test"]);
  const std::string predictions = program.read("p.csv");
  CHECK(predictions.rfind("split,sample,label,predicted,p_0,p_1\n", 0) == 0);
  CHECK(std::count(predictions.begin(), predictions.end(), '\n') == 1 + 80 + 78);

  const ProcessResult other = program({"evaluate", "run/model.safetensors", "--integrator", "rk4", "--set",
                                       "integrator.substeps=2", "--json"});
  REQUIRE(other.status == 0);
  CHECK(json::parse(other.out)["integrator"] == "rk4");
  CHECK(json::parse(other.out)["train"]["objective"] != summary["objective"]);
}

TEST_CASE("options of the scheme that a model was trained with do not stand in the way of another one") {
  const Program program;
  REQUIRE(program.train("run", {"--integrator", "dopri5", "--set", "integrator.rtol=1e-3"}).status == 0);
  const ProcessResult other =
      program({"evaluate", "run", "--integrator", "rk4", "--set", "integrator.substeps=2"});
  CAPTURE(other.err);
  CHECK(other.status == 0);
  CHECK(program({"evaluate", "run", "--integrator", "gauss4"}).status == 0);
}

TEST_CASE("diagnose prints a row a layer and summarizes at the ε asked for") {
  const Program program;
  REQUIRE(program.train("run").status == 0);
  const ProcessResult text = program({"diagnose", "run", "--epsilon", "0.5"});
  REQUIRE(text.status == 0);
  CHECK(text.out.find("μ[Θ_ε]") != std::string::npos);
  const json result = json::parse(program({"diagnose", "run", "--epsilon", "0.5", "--json"}).out);
  CHECK(result["turnpike"]["epsilon"] == 0.5);
  CHECK(result["layer_table"].size() == 9);
  refused(program, {"diagnose", "run", "--epsilon", "0"}, "--epsilon");
}

TEST_CASE("check-gradient exports an objective and gradient that differences of evaluate confirm") {
  const Program program;
  REQUIRE(program.train("run").status == 0);
  const ProcessResult result =
      program({"check-gradient", "run", "--export", "g.safetensors", "--export-data", "d.csv", "--json"});
  CAPTURE(result.out);
  REQUIRE(result.status == 0);
  const json report = json::parse(result.out);
  CHECK(report["passed"] == true);
  CHECK(report["difference_error"].get<double>() <= 1e-7);
  const std::string data = program.read("d.csv");
  CHECK(data.rfind("x1,x2,label\n", 0) == 0);
  CHECK(std::count(data.begin(), data.end(), '\n') == 81);
  CHECK(program({"check-gradient", "two-spirals", "--set", "data.per_class=20"}).status == 0);
}

TEST_CASE("check-gradient confirms a field with kinks by differences that pass none") {
  const Program program;
  const ProcessResult result =
      program({"check-gradient", "two-spirals", "--json", "--set", "field.activation=relu", "--set",
               "data.per_class=20", "--set", "control.intervals=5"});
  CAPTURE(result.err);
  CAPTURE(result.out);
  CHECK(result.status == 0);
  const json report = json::parse(result.out);
  CHECK(report["passed"] == true);
  CHECK(2 * report["left_out_at_kinks"].get<int>() <= report["differences"].get<int>());
}

TEST_CASE("report draws the page and the figures anew") {
  const Program program;
  REQUIRE(program.train("run").status == 0);
  const std::string before = program.read("run/report.html");
  fs::remove(program.file("run/report.html"));
  fs::remove_all(program.file("run/figures"));
  REQUIRE(program({"report", "run"}).status == 0);
  CHECK(program.read("run/report.html") == before);
  CHECK(fs::exists(program.file("run/figures/flow.svg")));
}

}  // namespace
}  // namespace turnpike::test
