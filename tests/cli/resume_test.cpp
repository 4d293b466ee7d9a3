#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "idx_bytes.hpp"
#include "io/directory_lock.hpp"
#include "program.hpp"
#include "refused.hpp"

namespace turnpike::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Long enough to be stopped on the way.
std::vector<std::string> long_training(const std::string& out) {
  return Program::command({"train", "two-spirals", "--out", out, "--set", "optimizer.epochs=100000", "--set",
                           "data.per_class=40", "--set", "run.checkpoint_every=50"});
}

void wait_for(const fs::path& file) {
  while (!fs::exists(file)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

TEST_CASE("a run that a signal stopped resumes to the same bits") {
  // Long enough to be stopped on the way.
#ifdef TURNPIKE_SANITIZED
  const std::string epochs = "optimizer.epochs=400";
#else
  const std::string epochs = "optimizer.epochs=3000";
#endif
  for (const int signal : {SIGINT, SIGTERM}) {
    const Program program;
    std::vector<std::string> settings = {
        "--set", epochs, "--set", "run.checkpoint_every=50", "--set", "optimizer.batch=20"};
    if (signal == SIGTERM) {  // with intervals that become active on the way
      settings.insert(settings.end(), {"--set", "control.active_intervals=3", "--set", "control.extend_by=1",
                                       "--set", "control.extend_every=100"});
    }
    REQUIRE(program.train("whole", settings).status == 0);

    std::vector<std::string> arguments = {"train", "two-spirals",       "--out", "stopped",
                                          "--set", "data.per_class=40", "--set", "control.intervals=8"};
    arguments.insert(arguments.end(), settings.begin(), settings.end());
    Process process(Program::command(arguments), program.directory().path());
    wait_for(program.file("stopped/checkpoint/state.safetensors"));
    process.send_signal(signal);
    const ProcessResult stopped = process.wait();
    CAPTURE(stopped.err);
    REQUIRE(stopped.status == 130);
    CHECK(stopped.err.find("turnpike resume stopped") != std::string::npos);
    CHECK_FALSE(fs::exists(program.file("stopped/summary.json")));

    const ProcessResult resumed = program({"resume", "stopped"});
    CAPTURE(resumed.err);
    REQUIRE(resumed.status == 0);
    CHECK(program.read("stopped/metrics.csv") == program.read("whole/metrics.csv"));
    CHECK(program.read("stopped/layers.csv") == program.read("whole/layers.csv"));
    refused(program, {"resume", "stopped"}, "finished already");
  }
}

TEST_CASE("a run whose terminal is closed keeps what it has come to") {
  const Program program;
  Process process(long_training("run"), program.directory().path(), Process::Output::terminal);
  wait_for(program.file("run/checkpoint/state.safetensors"));
  process.hang_up();
  CHECK(process.wait().status == 130);
  CHECK(fs::exists(program.file("run/model.safetensors")));  // written after the checkpoint
  CHECK(program({"evaluate", "run"}).status == 0);
}

TEST_CASE("a signal that the program was started to ignore stays ignored") {
  const Program program;
  std::vector<std::string> command = {"sh", "-c", "trap '' HUP; exec \"$@\"", "sh"};
  const std::vector<std::string> training = long_training("run");
  command.insert(command.end(), training.begin(), training.end());
  Process process(command, program.directory().path());
  wait_for(program.file("run/checkpoint/state.safetensors"));
  process.send_signal(SIGHUP);
  process.send_signal(SIGTERM);
  const ProcessResult stopped = process.wait();
  CHECK(stopped.status == 130);  // a second signal would have ended it at once
  CHECK(stopped.err.find("turnpike resume run") != std::string::npos);
}

TEST_CASE("a signal while a finished training is measured says how to go on") {
  const Program program;
  write_small_mnist(program.directory(), "small");
  Process process(Program::command({"train", "mnist", "--data", "small", "--out", "run", "--set",
                                    "optimizer.epochs=1", "--set", "control.intervals=100"}),
                  program.directory().path());
  wait_for(program.file("run/model.safetensors"));
  while (program.read(".stderr").find("measuring") == std::string::npos) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  process.send_signal(SIGTERM);
  const ProcessResult stopped = process.wait();
  CHECK(stopped.status == 130);
  CHECK(stopped.err.find("go on with `turnpike resume run`") != std::string::npos);
}

TEST_CASE("a run that was killed while its finished training was measured resumes to the same bits") {
  const Program program;
  REQUIRE(program
              .train("run", {"--set", "optimizer.finish=lbfgs", "--set", "optimizer.finish_iterations=20",
                             "--set", "run.checkpoint_every=7"})
              .status == 0);
  const std::string layers = program.read("run/layers.csv");
  const std::string model = program.read("run/model.safetensors");
  fs::remove(program.file("run/summary.json"));
  REQUIRE(program({"resume", "run"}).status == 0);
  CHECK(program.read("run/layers.csv") == layers);
  CHECK(program.read("run/model.safetensors") == model);

  fs::remove(program.file("run/summary.json"));
  fs::remove(program.file("run/checkpoint/state.safetensors"));
  const std::string metrics = program.read("run/metrics.csv");
  refused(program, {"resume", "run"}, "goes on to epoch 40");
  CHECK(program.read("run/metrics.csv") == metrics);
}

TEST_CASE("a run that was killed before its first checkpoint is resumed from its beginning") {
  const Program program;
  REQUIRE(program.train("run").status == 0);
  const std::string metrics = program.read("run/metrics.csv");
  const std::string layers = program.read("run/layers.csv");
  for (const char* name : {"summary.json", "layers.csv", "model.safetensors", "report.html",
                           "checkpoint/state.safetensors", "metrics.csv"}) {
    REQUIRE(fs::remove(program.file(std::string("run/") + name)));
  }
  program.directory().write("run/checkpoint/.turnpike-AbC123", "half a checkpoint");
  refused(program, {"train", "two-spirals", "--out", "run"}, "turnpike resume run");
  const ProcessResult resumed = program({"resume", "run"});
  CAPTURE(resumed.err);
  CHECK(resumed.status == 0);
  CHECK(resumed.err.find("begins anew") != std::string::npos);
  CHECK(program.read("run/metrics.csv") == metrics);
  CHECK(program.read("run/layers.csv") == layers);
  CHECK_FALSE(fs::exists(program.file("run/checkpoint/.turnpike-AbC123")));
}

TEST_CASE(
    "a run whose samples have moved is resumed and reported from where they are, if they are the same") {
  const Program program;
  write_small_mnist(program.directory(), "small");
  REQUIRE(
      program({"train", "mnist", "--data", "small", "--out", "run", "--set", "control.intervals=4", "--set",
               "optimizer.batch=10", "--set", "optimizer.warmup=0", "--set", "optimizer.epochs=2"})
          .status == 0);
  const std::string layers = program.read("run/layers.csv");
  fs::rename(program.file("small"), program.file("moved"));
  refused(program, {"report", "run"}, "small");
  const ProcessResult report = program({"report", "run", "--data", "moved"});
  CAPTURE(report.err);
  CHECK(report.status == 0);
  for (const char* command : {"report", "evaluate", "diagnose"}) {  // from now on they are there
    CHECK(program({command, "run"}).status == 0);
  }
  CHECK(program.read("run/config.toml").find("moved") != std::string::npos);
  CHECK(program.read("run/model.safetensors").find("small") == std::string::npos);
  fs::rename(program.file("moved"), program.file("moved again"));
  write_small_mnist(program.directory(), "other");
  auto labels = cyclic_labels(40, 4);
  std::reverse(labels.begin(), labels.end());
  program.directory().write("other/train-labels-idx1-ubyte.gz", gzipped(idx_labels(labels)));
  refused(program, {"report", "run", "--data", "other"}, "other samples than the run was begun with");

  fs::remove(program.file("run/summary.json"));
  refused(program, {"resume", "run"}, "moved");
  refused(program, {"resume", "run", "--data", "other"}, "other samples than the run was begun with");
  const ProcessResult resumed = program({"resume", "run", "--data", "moved again"});
  CAPTURE(resumed.err);
  CHECK(resumed.status == 0);
  CHECK(program.read("run/layers.csv") == layers);
  CHECK(resumed.err.find("measuring all 4 layers on 40 training samples") != std::string::npos);
  CHECK(program({"report", "run"}).status == 0);  // from now on they are there

  REQUIRE(program.train("spirals").status == 0);
  refused(program, {"report", "spirals", "--data", "moved"}, "samples are generated");
}

TEST_CASE("a run that another process writes, or whose metrics have a hole, is not resumed") {
  const Program program;
  REQUIRE(program.train("run").status == 0);
  fs::remove(program.file("run/summary.json"));
  {
    const DirectoryLock lock(program.file("run"));
    refused(program, {"resume", "run"}, "another process is writing 'run'");
  }
  const std::string metrics = program.read("run/metrics.csv");
  const std::size_t third = metrics.find('\n', metrics.find('\n', metrics.find('\n') + 1) + 1);
  const std::size_t fourth = metrics.find('\n', third + 1);
  program.directory().write("run/metrics.csv", metrics.substr(0, third) + metrics.substr(fourth));
  refused(program, {"resume", "run"}, "no row of epoch 3,");
  fs::remove(program.file("run/metrics.csv"));
  refused(program, {"resume", "run"}, "no row of epoch 1,");
  program.directory().write("run/metrics.csv", metrics);
  CHECK(program({"resume", "run"}).status == 0);
  CHECK(program.read("run/metrics.csv") == metrics);
}

TEST_CASE("bf16 trains, keeps its files in float, and resumes to the same bits") {
  const Program program;
  const std::vector<std::string> emulated = {"env", "TURNPIKE_BF16=emulate"};
  const auto run = [&](std::vector<std::string> arguments) {
    std::vector<std::string> command = Program::command(std::move(arguments));
    command.insert(command.begin(), emulated.begin(), emulated.end());
    return run_process(command, program.directory().path());
  };
  const auto train = [&](const std::string& out, const std::string& precision, const std::string& epochs) {
    return run({"train", "two-spirals", "--out", out, "--set", "field.state=6", "--set", "data.per_class=40",
                "--set", "control.intervals=8", "--set", "optimizer.schedule=constant", "--set",
                "run.precision=" + precision, "--set", "optimizer.epochs=" + epochs});
  };
  const ProcessResult whole = train("whole", "bf16", "40");
  CAPTURE(whole.err);
  REQUIRE(whole.status == 0);
  REQUIRE(train("float", "float", "40").status == 0);
  const json summary = json::parse(program.read("whole/summary.json"));
  CHECK(summary["precision"] == "bf16");
  CHECK(summary["gradient_check"]["passed"] == true);  // in double
  CHECK(program.read("whole/model.safetensors").find("\"F32\"") != std::string::npos);
  CHECK(program.read("whole/metrics.csv") != program.read("float/metrics.csv"));

  // As if it had been stopped after 20 epochs: the schedule is constant.
  REQUIRE(train("half", "bf16", "20").status == 0);
  fs::copy_file(program.file("half/checkpoint/state.safetensors"),
                program.file("whole/checkpoint/state.safetensors"), fs::copy_options::overwrite_existing);
  const std::string layers = program.read("whole/layers.csv");
  fs::remove(program.file("whole/summary.json"));
  fs::remove(program.file("whole/layers.csv"));
  REQUIRE(run({"resume", "whole"}).status == 0);
  CHECK(program.read("whole/layers.csv") == layers);
}

}  // namespace
}  // namespace turnpike::test
