#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>

#include "io/directory_lock.hpp"
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
  refused(program, tiny({"gamma", "two-spirals", "--values", "0.01", "--seeds", "1", "--out", "out"}),
          ": study (r, now gamma);");
  refused(program,
          tiny({"r", "two-spirals", "--out", "out", "--warm", "--set", "field.activation=relu", "--epsilon",
                "0.25"}),
          ": epsilon (0.5, now 0.25), field.activation (\"tanh\", now \"relu\"), warm (false, now true);");
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

TEST_CASE("a study grows by values and seeds, keeps its rows, and trains again what lost its model") {
  const Program program;
  REQUIRE(program(tiny({"horizon", "two-spirals", "--values", "4", "--seeds", "1", "--out", "out"})).status ==
          0);
  const json first = json::parse(program.read("out/study.json"))["rows"];
  const ProcessResult more =
      program(tiny({"horizon", "two-spirals", "--values", "3,5", "--seeds", "2", "--out", "out"}));
  CAPTURE(more.err);
  REQUIRE(more.status == 0);
  CHECK(more.err.find("1 of 6 rows are there already") != std::string::npos);
  const json study = json::parse(program.read("out/study.json"));
  CHECK(study["values"] == std::vector<double>{3, 4, 5});
  CHECK(study["seeds"] == 2);
  REQUIRE(study["rows"].size() == 6);
  CHECK(study["rows"][2] == first[0]);

  fs::remove(program.file("out/models/5-seed-2.safetensors"));
  const ProcessResult again = program(tiny({"horizon", "two-spirals", "--out", "out"}));
  CAPTURE(again.err);
  REQUIRE(again.status == 0);
  CHECK(again.err.find("5 of 6 rows are there already") != std::string::npos);
  CHECK(again.err.find("5-seed-2.safetensors' is missing") != std::string::npos);
  CHECK(fs::exists(program.file("out/models/5-seed-2.safetensors")));
  const json rows = json::parse(program.read("out/study.json"))["rows"];
  REQUIRE(rows.size() == 6);
  CHECK(rows[5]["objective"] == study["rows"][5]["objective"]);
}

TEST_CASE("the report of a run shows a study") {
  const Program program;
  REQUIRE(program.train("run").status == 0);
  REQUIRE(program(tiny({"r", "two-spirals", "--values", "0.01", "--seeds", "1", "--out", "out"})).status ==
          0);
  const ProcessResult result = program({"report", "run", "--study", "out"});
  CAPTURE(result.err);
  REQUIRE(result.status == 0);
  CHECK(program.read("run/report.html").find("r study of two-spirals") != std::string::npos);
  const ProcessResult none = program({"report", "run", "--study", "run"});
  CHECK(none.status == 2);
  CHECK(none.err.find("there is no study") != std::string::npos);
}

TEST_CASE("a warm study grows upwards only") {
  const Program program;
  const auto start = [&](const char* values) {
    return program(
        tiny({"horizon", "two-spirals", "--values", values, "--seeds", "1", "--warm", "--out", "out"}));
  };
  REQUIRE(start("4,6").status == 0);
  CHECK(start("8").status == 0);
  const json rows = json::parse(program.read("out/study.json"))["rows"];
  REQUIRE(rows.size() == 3);
  CHECK(rows[0]["start"] == "cold");
  CHECK(rows[1]["start"] == "from 4");
  CHECK(rows[2]["start"] == "from 6");
  const ProcessResult between = start("5");
  CAPTURE(between.err);
  CHECK(between.status == 2);
  CHECK(between.err.find("above its last value 8 only") != std::string::npos);
}

TEST_CASE("a failed training is a row with its sentence") {
  const Program program;
  const std::vector<std::string> command =
      tiny({"horizon", "two-spirals", "--values", "4", "--seeds", "2", "--out", "out", "--set",
            "optimizer.learning_rate=1e30", "--set", "field.activation=relu"});
  const ProcessResult result = program(command);
  CAPTURE(result.err);
  CHECK(result.status == 1);
  CHECK(result.err.find("gnuplot failed") == std::string::npos);
  const ProcessResult again = program(command);
  CHECK(again.status == 1);
  CHECK(again.err.find("2 of them failed and are not tried again") != std::string::npos);
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

  REQUIRE(
      program(tiny({"optimality", "two-spirals", "--values", "2", "--seeds", "1", "--out", "out"})).status ==
      0);
  const json grown = json::parse(program.read("out/study.json"))["rows"];
  REQUIRE(grown.size() == 4);
  CHECK(grown[1]["value"] == 2);
  CHECK(grown[2] == study["rows"][1]);
  CHECK(grown[3].contains("trajectory"));
}

TEST_CASE(
    "a stopped or killed study keeps its finished rows, and no other one writes its directory meanwhile") {
  for (const int signal : {SIGINT, SIGKILL}) {
    CAPTURE(signal);
    const Program program;
    const std::vector<std::string> command = {
        "study", "horizon",          "two-spirals", "--values",
        "4,200", "--seeds",          "1",           "--out",
        "out",   "--warm",           "--set",       "optimizer.epochs=20000",
        "--set", "data.per_class=40"};
    Process process(Program::command(command), program.directory().path());
    const auto rows = [&] {
      const fs::path file = program.file("out/study.json");
      return fs::exists(file) ? json::parse(test::read_file(file))["rows"] : json::array();
    };
    for (int i = 0; i < 60000 && rows().empty(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    REQUIRE(rows().size() == 1);
    const ProcessResult other = program(command);
    CAPTURE(other.err);
    CHECK(other.status == 2);
    CHECK(other.err.find("another process is writing 'out'") != std::string::npos);
    process.send_signal(signal);
    const ProcessResult stopped = process.wait();
    CAPTURE(stopped.err);
    CHECK((signal == SIGKILL || stopped.status == 130));
    REQUIRE(rows().size() == 1);
    CHECK(rows()[0]["start"] == "cold");
    CHECK(fs::exists(program.file("out/models/4-seed-1.safetensors")));
    CHECK_NOTHROW(DirectoryLock{program.file("out")});
  }
}

}  // namespace
}  // namespace turnpike::test
