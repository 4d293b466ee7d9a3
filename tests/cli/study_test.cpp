#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>

#include "program.hpp"
#include "refused.hpp"

namespace turnpike::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::vector<std::string> tiny(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "study");
  for (const char* key : {"optimizer.epochs=20", "data.per_class=20"}) {
    arguments.insert(arguments.end(), {"--set", key});
  }
  return arguments;
}

TEST_CASE("a horizon study has a row for every value and seed, and a second start goes on from them") {
  const Program program;
  const std::vector<std::string> command =
      tiny({"horizon", "two-spirals", "--values", "4,8", "--seeds", "2", "--out", "out", "--threads", "2"});
  const ProcessResult first = program(command);
  CAPTURE(first.err);
  REQUIRE(first.status == 0);
  json study = json::parse(program.read("out/study.json"));
  REQUIRE(study["rows"].size() == 4);
  for (const json& row : study["rows"]) {
    CHECK(row["intervals"] == row["value"].get<int>());
    CHECK(row["outside_rms"].get<int>() <= row["intervals"].get<int>());
    CHECK(row["outside_sample"].get<double>() <= row["outside_certified"].get<double>() + 1e-9);
    CHECK(row["trajectory"]["costate_norm"].size() == row["value"].get<std::size_t>() + 1);
    CHECK(row["trajectory"]["hamiltonian_begin"].size() == row["value"].get<std::size_t>());
  }
  CHECK(fs::file_size(program.file("out/report.html")) > 0);
  CHECK(fs::file_size(program.file("out/figures/outside.svg")) > 0);

  // Without two of its rows it computes those, to the same numbers.
  const json whole = study["rows"];
  study["rows"] = json::array({whole[0], whole[3]});
  program.directory().write("out/study.json", study.dump());
  const ProcessResult second = program(command);
  CAPTURE(second.err);
  REQUIRE(second.status == 0);
  CHECK(second.err.find("2 of 4 rows are there already") != std::string::npos);
  const json again = json::parse(program.read("out/study.json"))["rows"];
  REQUIRE(again.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(again[i]["objective"] == whole[i]["objective"]);
  }
}

TEST_CASE("other settings, and a directory that holds something else, are refused") {
  const Program program;
  REQUIRE(program(tiny({"r", "two-spirals", "--values", "0.01", "--seeds", "1", "--out", "out"})).status ==
          0);
  const std::string before = program.read("out/study.json");
  fs::create_directory(program.file("other"));
  program.directory().write("other/notes.txt", "mine");
  refused(program, tiny({"r", "two-spirals", "--values", "0.01", "--seeds", "2", "--out", "out"}),
          "seeds differs");
  refused(program, tiny({"gamma", "two-spirals", "--values", "0.01", "--seeds", "1", "--out", "out"}),
          "study differs");
  refused(program, tiny({"r", "two-spirals", "--out", "other"}), "holds no study");
  refused(program, tiny({"depth", "two-spirals", "--out", "new"}), "unknown study 'depth'");
  refused(program, tiny({"horizon", "two-spirals", "--values", "4,nan", "--out", "new"}), "--values 4,nan");
  refused(program, tiny({"horizon", "two-spirals", "--values", "4,4", "--out", "new"}), "each once");
  refused(program, tiny({"horizon", "two-spirals", "--values", "4,", "--out", "new"}), "--values 4,");
  refused(program, tiny({"p_d", "two-spirals", "--values", "0.5", "--out", "new"}), "(1/2, 1)");
  refused(program, tiny({"p_d", "two-spirals", "--values", "0.9,1", "--out", "new"}), "(1/2, 1)");
  refused(program, tiny({"r", "two-spirals", "--epsilon", "nan", "--out", "new"}), "--epsilon");
  refused(program, tiny({"r", "two-spirals", "--set", "cost.stage=cross-entropy", "--out", "new"}),
          "no minimizers");
  refused(program, tiny({"optimality", "two-spirals", "--warm", "--out", "new"}), "--warm");
  CHECK(program.read("out/study.json") == before);
}

TEST_CASE("a failed training is a row with its sentence") {
  const Program program;
  const ProcessResult result =
      program(tiny({"horizon", "two-spirals", "--values", "4", "--seeds", "2", "--out", "out", "--set",
                    "optimizer.learning_rate=1e30", "--set", "field.activation=relu"}));
  CAPTURE(result.err);
  CHECK(result.status == 1);
  const json study = json::parse(program.read("out/study.json"));
  for (const json& row : study["rows"]) {
    CHECK(row["failure"].get<std::string>().find("epoch") != std::string::npos);
  }
}

TEST_CASE("optimality follows one training: its rows are the epochs asked for, with their gaps") {
  const Program program;
  const ProcessResult result = program(
      tiny({"optimality", "two-spirals", "--values", "1,5,20", "--seeds", "1", "--out", "out", "--json"}));
  CAPTURE(result.err);
  REQUIRE(result.status == 0);
  const json study = json::parse(result.out);
  REQUIRE(study["summary"].size() == 3);
  double least = 1e300;
  for (const json& row : study["summary"]) {
    CHECK(row["gap"].get<double>() >= 0);
    least = std::min(least, row["gap"].get<double>());
  }
  CHECK(least == 0);
}

TEST_CASE("warm starts go on from the former control, and a signal keeps the finished rows") {
  const Program program;
  const std::vector<std::string> command = {
      "study", "horizon",          "two-spirals", "--values",
      "4,200", "--seeds",          "1",           "--out",
      "out",   "--warm",           "--set",       "optimizer.epochs=20000",
      "--set", "data.per_class=40"};
  Process process(Program::command(command), program.directory().path());
  const fs::path first = program.file("out/models/4-seed-1.safetensors");
  for (int i = 0; i < 60000 && !fs::exists(first); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  REQUIRE(fs::exists(first));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  process.send_signal(SIGINT);
  const ProcessResult stopped = process.wait();
  CAPTURE(stopped.err);
  CHECK(stopped.status == 130);
  CHECK(json::parse(program.read("out/study.json"))["rows"].size() == 1);
}

}  // namespace
}  // namespace turnpike::test
