#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "idx_bytes.hpp"
#include "program.hpp"
#include "refused.hpp"

namespace turnpike::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

TEST_CASE("a run is certified: in the summary, in metrics.csv, in layers.csv and by diagnose") {
  const Program program;
  const ProcessResult trained = program.train("run");
  REQUIRE(trained.status == 0);
  // The plain bound is above the horizon, so that it says nothing, with p_d = 0.95, and below it with 0.6.
  CHECK(trained.err.find("certified time") == std::string::npos);
  const ProcessResult softer =
      program.train("softer", {"--set", "control.intervals=20", "--set", "cost.p_d=0.6"});
  CHECK(softer.err.find("certified time") != std::string::npos);
  CHECK(trained.out.find("certified ≤") != std::string::npos);
  const json summary = json::parse(program.read("run/summary.json"));
  const json& turnpike = summary["turnpike"];
  CHECK(turnpike["measured_outside"] <= turnpike["certified_outside"]);
  CHECK(turnpike["certified_outside"] <= turnpike["certified_outside_plain"]);
  CHECK(turnpike["theta_measure"] <= turnpike["theta_certified"]);
  CHECK(turnpike["least_dissipation_slack"].get<double>() >= -1e-12);
  REQUIRE(summary["certificates"].size() >= 5);
  for (const json& level : summary["certificates"]) {
    for (const char* distance :
         {"sample", "root_mean_square", "stacked", "root_mean_square_with_control", "stacked_with_control"}) {
      for (const char* part : {"layers", "time"}) {
        CAPTURE(distance);
        CHECK(level[distance][part]["measured"] <= level[distance][part]["sharp"]);
      }
    }
  }
  const json& reach = summary["reachability"];
  CHECK(reach["layers"]["outside"]["sample"]["measured"] <= reach["layers"]["outside"]["sample"]["bound"]);
  CHECK(reach["layers"]["value_bound"] >= summary["objective"]);
  CHECK(reach["time"]["value_bound"] >= summary["objective"]);
  CHECK(program.read("run/metrics.csv").substr(0, 200).find(",certified_time\n") != std::string::npos);
  CHECK(program.read("run/layers.csv").find("dissipation_slack") != std::string::npos);
  CHECK(fs::file_size(program.file("run/figures/certified.svg")) > 0);
  CHECK(program.read("run/report.html").find("measured and certified") != std::string::npos);

  const ProcessResult text = program({"diagnose", "run", "--epsilon", "0.5"});
  CHECK(text.status == 0);
  CHECK(text.out.find("least dissipation slack") != std::string::npos);
  CHECK(text.out.find("Prop. 12") != std::string::npos);
  const json at_half = json::parse(program({"diagnose", "run", "--epsilon", "0.5", "--json"}).out);
  CHECK(at_half["turnpike"]["epsilon"] == 0.5);
  CHECK(at_half["turnpike"]["certified_outside"] >= turnpike["certified_outside"]);
}

TEST_CASE("a loss without minimizers is trained and measured without certificates") {
  const Program program;
  REQUIRE(program.train("run", {"--set", "cost.stage=cross-entropy", "--set", "cost.terminal=cross-entropy"})
              .status == 0);
  const json summary = json::parse(program.read("run/summary.json"));
  CHECK_FALSE(summary.contains("certificates"));
  CHECK_FALSE(summary.contains("reachability"));
  const std::string metrics = program.read("run/metrics.csv");
  CHECK(metrics.back() == '\n');
  CHECK(metrics[metrics.size() - 2] == ',');
  CHECK(program({"report", "run"}).status == 0);
}

TEST_CASE("diagnose --table1 computes the paper's table") {
  const Program program;
  const ProcessResult result = program({"diagnose", "--table1", "--json"});
  REQUIRE(result.status == 0);
  const json rows = json::parse(result.out);
  REQUIRE(rows.size() == 3);
  CHECK(rows[0]["strict"] == true);
  CHECK(rows[1]["strict"] == false);
  CHECK(rows[1]["witness"].size() > 3);
  CHECK(rows[2]["strict"] == true);
  CHECK(rows[2]["least_slack"].get<double>() >= 0);
  refused(program, {"diagnose"}, "--table1");
}

TEST_CASE("where there is no certificate or envelope, one line says why") {
  const Program program;
  const ProcessResult plain = program.train("plain", {"--set", "cost.stage=cross-entropy"});
  REQUIRE(plain.status == 0);
  CHECK(plain.out.find("no certificate, because the plain cross-entropy has no minimizer") !=
        std::string::npos);
  CHECK(program({"diagnose", "plain"}).out.find("no distances to measure or to certify") !=
        std::string::npos);
  for (const char* stage : {"quadratic", "none"}) {
    CAPTURE(stage);
    REQUIRE(program.train(stage, {"--set", std::string("cost.stage=") + stage}).status == 0);
    CHECK(program({"diagnose", stage})
              .out.find(std::string("they take cost.stage = soft-cross-entropy, not ") + stage) !=
          std::string::npos);
  }
}

TEST_CASE("geometry tabulates α for any C and p_d") {
  const Program program;
  const json table = json::parse(program({"geometry", "--classes", "10", "--p_d", "0.91", "--json"}).out);
  CHECK(table["bounds"][4]["distance"] == 1);
  CHECK(table["bounds"][4]["sharp"].get<double>() == doctest::Approx(0.00381346).epsilon(2e-6));
  CHECK(table["curvature"].get<double>() > table["curvature_bound"].get<double>());
  CHECK(program({"geometry"}).out.find("α*(s)") != std::string::npos);
  const auto refused_with = [&](const std::string& flag, const std::string& value,
                                const std::string& fragment) {
    refused(program, {"geometry", flag, value}, fragment);
  };
  refused_with("--p_d", "0.5", "p_d = 0.5");
  refused_with("--p_d", "nan", "p_d = nan");
  refused_with("--classes", "1", "C = 1");
  refused_with("--samples", "0", "--samples 0");
}

TEST_CASE(
    "reproduce makes the paper's page, takes finished runs as they are, and refuses what it does not know") {
  const Program program;
  std::vector<std::string> command = {
      "reproduce", "paper", "--out", "paper", "--set", "optimizer.epochs=20", "--set", "data.per_class=24"};
  const ProcessResult first = program(command);
  CAPTURE(first.err);
  REQUIRE(first.status == 0);
  const json page = json::parse(program.read("paper/paper.json"));
  CHECK(page["finished"] == true);
  CHECK(page["sections"].size() >= 7);
  CHECK(program.read("paper/paper.html").find("data:image/svg+xml;base64,") != std::string::npos);
  for (const char* figure : {"figures/loss_plane.svg", "figures/loss_bounds.svg",
                             "figures/spirals/trajectories.svg", "two-spirals/figures/final_layer.svg"}) {
    CAPTURE(figure);
    CHECK(fs::file_size(program.file(std::string("paper/") + figure)) > 0);
  }
  const std::string metrics = program.read("paper/two-spirals/metrics.csv");
  const auto written = fs::last_write_time(program.file("paper/two-spirals/summary.json"));
  CHECK(program(command).status == 0);
  CHECK(program.read("paper/two-spirals/metrics.csv") == metrics);
  CHECK(fs::last_write_time(program.file("paper/two-spirals/summary.json")) == written);

#ifndef TURNPIKE_SANITIZED  // seven trainings of up to 60 layers
  write_small_mnist(program.directory(), "small");
  command.insert(command.end(), {"--data", "small"});
  const ProcessResult with_mnist = program(command);
  CAPTURE(with_mnist.err);
  CHECK(with_mnist.status == 0);
  const json rows = json::parse(program.read("paper/paper.json"))["sections"].back()["table"];
  CHECK(rows.size() == 8);  // a head, one depth with and six without the stage cost
  CHECK(fs::file_size(program.file("paper/figures/mnist/figure5.svg")) > 0);

  // A run there that has to go on takes the samples from where they are now.
  const std::string none = program.read("paper/mnist-none-20/metrics.csv");
  REQUIRE(fs::remove(program.file("paper/mnist-none-20/summary.json")));
  fs::rename(program.file("small"), program.file("moved"));
  command.back() = "moved";
  CHECK(program(command).status == 0);
  CHECK(program.read("paper/mnist-none-20/metrics.csv") == none);
#endif
  refused(program, {"reproduce", "book"}, "book");
  const auto not_reproduced = [&](std::vector<std::string> arguments, const std::string& fragment) {
    arguments.insert(arguments.begin(), {"reproduce", "paper"});
    refused(program, arguments, fragment);
  };
  not_reproduced({"--out", "paper", "--set", "optimizer.epochs=30"}, "begun with other --set");
  not_reproduced({"--out", "new", "--set", "cost.stage=cross-entropy"}, "the paper's settings stand");
  not_reproduced({"--out", "new", "--set", "optimizer.epochs=many"}, "optimizer.epochs");
  not_reproduced({"--out", "new", "--data", "nowhere"}, "nowhere");
  fs::create_directory(program.file("mine"));
  program.directory().write("mine/letter.txt", "mine");
  not_reproduced({"--out", "mine"}, "mine");
  CHECK(program.read("mine/letter.txt") == "mine");
}

}  // namespace
}  // namespace turnpike::test
