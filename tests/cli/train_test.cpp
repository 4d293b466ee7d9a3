#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "program.hpp"
#include "refused.hpp"

namespace turnpike::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

TEST_CASE("train writes every file of the run directory and says where the report is") {
  const Program program;
  const ProcessResult result = program.train("run");
  CAPTURE(result.err);
  REQUIRE(result.status == 0);
  CHECK(result.out.find("run/report.html") != std::string::npos);
  for (const char* name :
       {"config.toml", "environment.json", "metrics.csv", "layers.csv", "summary.json", "model.safetensors",
        "checkpoint/state.safetensors", "report.html", "figures/loss.svg"}) {
    CAPTURE(name);
    CHECK(fs::file_size(program.file(std::string("run/") + name)) > 0);
  }
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(program.file("run"))) {
    CHECK(entry.path().string().find(".tmp") == std::string::npos);
  }
  const json summary = json::parse(program.read("run/summary.json"));
  for (const char* key :
       {"accuracy_train", "accuracy_test", "objective", "objective_terms", "epochs", "steps", "seconds",
        "seconds_per_epoch", "seconds_per_step", "peak_memory_bytes", "seed", "precision", "threads",
        "integrator", "layers", "turnpike", "gradient_check"}) {
    CAPTURE(key);
    CHECK(summary.contains(key));
  }
  CHECK(summary["epochs"] == 40);
  CHECK(summary["layers"] == 8);
  const json terms = summary["objective_terms"];
  CHECK(terms["running"].get<double>() + terms["control"].get<double>() + terms["terminal"].get<double>() ==
        doctest::Approx(summary["objective"].get<double>()));
  const std::string metrics = program.read("run/metrics.csv");
  CHECK(std::count(metrics.begin(), metrics.end(), '\n') == 41);
  const std::string layers = program.read("run/layers.csv");
  CHECK(std::count(layers.begin(), layers.end(), '\n') == 10);
}

TEST_CASE("the resolved configuration repeats the run to the same bits, at any number of threads") {
  const Program program;
  REQUIRE(program.train("first", {"--set", "run.tile=16"}).status == 0);
  fs::copy_file(program.file("first/config.toml"), program.file("again.toml"));
  REQUIRE(program({"train", "again.toml", "--out", "second", "--threads", "2"}).status == 0);
  CHECK(program.read("first/metrics.csv") == program.read("second/metrics.csv"));
  CHECK(program.read("first/layers.csv") == program.read("second/layers.csv"));
}

TEST_CASE(
    "with the exact tail the layers behind hold every state, and the summary says how optimal that is") {
  const Program program;
  const ProcessResult result = program.train("run", {"--set", "control.active_intervals=3"});
  REQUIRE(result.status == 0);
  CHECK(result.out.find("3 of 8 intervals active") != std::string::npos);
  const json tail = json::parse(program.read("run/summary.json"))["exact_tail"];
  CHECK(tail["active_intervals"] == 3);
  CHECK(tail["gradient_norm"].get<double>() > 0);
  CHECK(tail["rate"].get<double>() > 0);
  CHECK(tail["rate_that_pays"].get<double>() == doctest::Approx(0.01));
  std::istringstream table(program.read("run/layers.csv"));
  std::string line;
  std::getline(table, line);
  const auto names = [&line] {
    std::vector<std::string> list;
    std::istringstream row(line);
    for (std::string name; std::getline(row, name, ',');) {
      list.push_back(name);
    }
    return list;
  }();
  const auto norm =
      static_cast<std::size_t>(std::find(names.begin(), names.end(), "control_norm") - names.begin());
  REQUIRE(norm < names.size());
  std::vector<std::string> loss;
  for (int k = 0; std::getline(table, line); ++k) {
    std::istringstream row(line);
    std::vector<std::string> cells;
    for (std::string cell; std::getline(row, cell, ',');) {
      cells.push_back(cell);
    }
    loss.push_back(cells[2]);
    if (k < 8) {
      CHECK((std::stod(cells[norm]) == 0) == (k >= 3));
    }
  }
  REQUIRE(loss.size() == 9);
  CHECK(loss[3] == loss[8]);
  CHECK(loss[2] != loss[8]);

  const ProcessResult more =
      program.train("more", {"--set", "control.active_intervals=3", "--set", "control.extend_by=4", "--set",
                             "control.extend_every=20"});
  REQUIRE(more.status == 0);
  CHECK(more.err.find("epoch 20: 3 of 8 intervals active") != std::string::npos);
  CHECK(json::parse(program.read("more/summary.json"))["exact_tail"]["active_intervals"] == 7);
  refused(program, Program::training("bad", {"--set", "control.active_intervals=9"}),
          "is more than control.intervals = 8");
  refused(program, Program::training("bad", {"--set", "control.extend_by=1"}), "all intervals are active");

  // There is no tail test for an outer activation with a kink, but the tail is exact all the same.
  const std::vector<std::string> kinked = {"--set", "field.outer_activation=relu", "--set",
                                           "control.active_intervals=3"};
  REQUIRE(program.train("kinked", kinked).status == 0);
  CHECK(json::parse(program.read("kinked/summary.json"))["exact_tail"] == json{{"active_intervals", 3}});
  std::vector<std::string> extended = kinked;
  extended.insert(extended.end(), {"--set", "control.extend_by=1"});
  refused(program, Program::training("bad", extended), "a kink too many");
}

TEST_CASE("every recipe of two spirals trains with its own scheme") {
  for (const auto& [recipe, scheme] : {std::pair<std::string, std::string>{"two-spirals", "explicit-euler"},
                                       {"two-spirals-ode", "dopri5"},
                                       {"two-spirals-implicit", "implicit-euler"},
                                       {"two-spirals-cvodes", "cvodes-adams"},
                                       {"two-spirals-paper", "explicit-euler"}}) {
    const Program program;
    const ProcessResult result = program({"train", recipe, "--out", "run", "--json", "--set",
                                          "optimizer.epochs=3", "--set", "data.per_class=24"});
    CAPTURE(recipe);
    CAPTURE(result.err);
    REQUIRE(result.status == 0);
    CHECK(json::parse(result.out)["integrator"] == scheme);
    CHECK(json::parse(result.out)["epochs"] == 3);
  }
}

TEST_CASE("a scheme for double alone trains in double and says so once") {
  const Program program;
  const ProcessResult trained = program.train(
      "run", {"--integrator", "cvodes-bdf", "--set", "integrator.rtol=1e-4", "--set", "optimizer.epochs=5"});
  CAPTURE(trained.err);
  REQUIRE(trained.status == 0);
  const std::string note = "'cvodes-bdf' works in double only";
  CHECK(trained.err.find(note) != std::string::npos);
  CHECK(trained.err.find(note) == trained.err.rfind(note));
  const json summary = json::parse(program.read("run/summary.json"));
  CHECK(summary["precision"] == "double");
  CHECK(summary["gradient_check"]["passed"] == true);
  CHECK(program({"check-gradient", "run"}).status == 0);
  CHECK(program({"diagnose", "run"}).err.empty());

  REQUIRE(program.train("float").status == 0);
  const ProcessResult evaluated = program({"evaluate", "float", "--integrator", "cvodes-adams"});
  CHECK(evaluated.status == 0);
  CHECK(evaluated.err.find("'cvodes-adams' works in double only") != std::string::npos);
  const ProcessResult discrete =
      program.train("refused", {"--integrator", "cvodes-adams", "--set", "integrator.adjoint=discrete"});
  CHECK(discrete.status == 2);
  CHECK(discrete.err.find("continuous adjoint only") != std::string::npos);
}

TEST_CASE("a training that diverges ends with status 1, epoch and layer, and keeps the last good model") {
  const Program program;
  const ProcessResult result =
      program.train("run", {"--set", "field.activation=identity", "--set", "optimizer.name=sgd", "--set",
                            "optimizer.learning_rate=1e6", "--set", "optimizer.clip=0"});
  CHECK(result.status == 1);
  CHECK(result.err.find("epoch") != std::string::npos);
  CHECK(result.err.find("layer") != std::string::npos);
  CHECK(result.err.find("run/model.safetensors") != std::string::npos);
  CHECK(program({"evaluate", "run"}).status == 0);
}

TEST_CASE("NumPy reads a model by its own means") {
  const Program program;
  REQUIRE(program.train("run").status == 0);
  program.directory().write(
      "read.py",
      "import json, struct, numpy\n"
      "raw = open('run/model.safetensors', 'rb').read()\n"
      "n = struct.unpack('<Q', raw[:8])[0]\n"
      "head = json.loads(raw[8:8 + n])\n"
      "t = head['A1']\n"
      "a, b = t['data_offsets']\n"
      "A1 = numpy.frombuffer(raw[8 + n + a:8 + n + b], dtype='<f4').reshape(t['shape'])\n"
      "assert A1.shape == (8, 8, 2) and numpy.isfinite(A1).all() and A1.any()\n"
      "assert json.loads(head['__metadata__']['turnpike'])\n"
      "print('read')\n");
  const ProcessResult result = run_process({"/usr/bin/python3", "read.py"}, program.directory().path());
  CAPTURE(result.err);
  CHECK(result.out == "read\n");
}

}  // namespace
}  // namespace turnpike::test
