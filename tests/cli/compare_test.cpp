#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "program.hpp"
#include "refused.hpp"

namespace turnpike::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

TEST_CASE("compare trains with each scheme, climbs ladders, and writes a page, figures and JSON") {
  const Program program;
  const std::vector<std::string> small = {"--set", "data.per_class=12",   "--set", "data.scale=1",
                                          "--set", "control.intervals=4", "--set", "optimizer.epochs=10"};
  const auto command = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"compare", "two-spirals", "--integrators", "explicit-euler,rk4"});
    arguments.insert(arguments.end(), small.begin(), small.end());
    return arguments;
  };
  const ProcessResult result = program(command({"--train", "--work-precision", "--out", "results"}));
  CAPTURE(result.err);
  REQUIRE(result.status == 0);
  CHECK(result.out.find("trained with (rows), run with (columns)") != std::string::npos);
  CHECK(result.out.find("refinement gap") != std::string::npos);
  const json data = json::parse(program.read("results/comparison.json"));
  REQUIRE(data["work_precision"].size() == 2);
  CHECK(data["work_precision"][1]["observed_order"]["gradient"].get<double>() ==
        doctest::Approx(4).epsilon(0.04));
  REQUIRE(data["trained"].size() == 2);
  CHECK(data["trained"][0]["epochs"] == 10);
  CHECK(data["trained"][0]["run_with"][1]["scheme"] == "rk4");
  CHECK(data["trained"][1]["refined"][2]["scheme"] == "rk4:substeps=8");
  const std::string page = program.read("results/report.html");
  CHECK(page.find("\"trained\"") != std::string::npos);
  CHECK(page.find("{{") == std::string::npos);
  CHECK(fs::exists(program.file("results/figures/exchange.svg")));
  CHECK(fs::exists(program.file("results/figures/work_precision_gradient_time.svg")));
  refused(program, command({"--out", "results"}), "'results' exists already");

  const ProcessResult swept = program(command({"--over", "control.horizon=2,8", "--out", "sweep", "--json"}));
  CAPTURE(swept.err);
  REQUIRE(swept.status == 0);
  const json sweep = json::parse(swept.out)["sweep"];
  CHECK(sweep["key"] == "control.horizon");
  CHECK(sweep["values"][1]["value"] == 8);
  CHECK(sweep["values"][1]["schemes"][0]["errors"]["state"].get<double>() >
        sweep["values"][0]["schemes"][0]["errors"]["state"].get<double>());
  CHECK(fs::exists(program.file("sweep/figures/sweep.svg")));
  for (const char* over :
       {"control.horizon", "control.horizon=", "=1,2", "control.horizon=1", "control.horizon=1,x"}) {
    refused(program, command({"--over", over}), "--over");
  }
  refused(program, command({"--over", "cost.pd=1,2"}), "cost.pd");
  refused(program, command({"--over", "control.horizon=1,2", "--train"}), "call compare twice");
}

TEST_CASE("compare sets schemes beside a reference that two schemes agree on") {
  const Program program;
  REQUIRE(program.train("run").status == 0);
  const ProcessResult result = program({"compare", "run", "--json", "--integrators",
                                        "explicit-euler,rk4:substeps=16,dopri5:rtol=1e-9,cvodes-bdf"});
  CAPTURE(result.err);
  REQUIRE(result.status == 0);
  const json table = json::parse(result.out);
  CHECK(table["control"].get<std::string>().find("trained with explicit-euler") != std::string::npos);
  CHECK(table["reference"]["apart"]["state"].get<double>() <= 1e-10);
  CHECK(table["reference"]["apart"]["cost"].get<double>() <= 1e-12);
  REQUIRE(table["schemes"].size() == 4);
  const json& euler = table["schemes"][0];
  const json summary = json::parse(program.read("run/summary.json"));
  CHECK(euler["objective"].get<double>() ==
        doctest::Approx(summary["objective"].get<double>()).epsilon(1e-5));
  CHECK(table["schemes"][1]["errors"]["state"].get<double>() < 0.1 * euler["errors"]["state"].get<double>());
  CHECK(table["schemes"][2]["errors"]["cost"].get<double>() <= 1e-7);
  CHECK(table["schemes"][2]["errors"]["gradient"].get<double>() <= 1e-5);
  CHECK(table["schemes"][3]["seconds_per_gradient"].get<double>() > 0);
  refused(program, {"compare", "run", "--integrators", "rk4:substeps=0"}, "integrator.substeps");
  for (const char* const entries : {"rk4,", "rk4:", "rk4:substeps", "rk4:name=heun", ":substeps=2"}) {
    refused(program, {"compare", "run", "--integrators", entries}, "turnpike: --integrators");
  }
  refused(program, {"compare", "run"}, "--integrators");
  const ProcessResult text =
      program({"compare", "two-spirals", "--integrators", "rk4", "--set", "data.per_class=12"});
  CHECK(text.status == 0);
  CHECK(text.out.find("uniform random") != std::string::npos);
}

}  // namespace
}  // namespace turnpike::test
