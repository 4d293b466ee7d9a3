#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "idx_bytes.hpp"
#include "program.hpp"
#include "refused.hpp"

namespace turnpike::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

TEST_CASE("a CSV file of one's own trains, standardized, with a part set aside for testing") {
  const Program program;
  std::string text = "length,width,kind\n";
  for (int i = 0; i < 60; ++i) {
    text += std::to_string(10 + i % 7) + "," + std::to_string(5 + i % 3 * 20) + "," +
            (i % 3 == 0   ? "low"
             : i % 3 == 1 ? "middle"
                          : "high") +
            "\n";
  }
  program.directory().write("flowers.csv", text);
  const ProcessResult result =
      program({"train", "csv", "--data", "flowers.csv", "--set", "data.test_fraction=0.2", "--set",
               "optimizer.epochs=200", "--set", "control.intervals=5"});
  CAPTURE(result.err);
  REQUIRE(result.status == 0);
  const json summary = json::parse(program.read("runs/flowers/summary.json"));
  CHECK(summary["accuracy_train"] == 1.0);
  CHECK(summary["accuracy_test"] == 1.0);
  // The model knows its classes and standardization: a file with other columns or classes is refused.
  program.directory().write("more.csv", "12,5,low\n13,25,middle\n");
  const ProcessResult more = program({"evaluate", "runs/flowers", "--data", "more.csv", "--json"});
  REQUIRE(more.status == 0);
  CHECK(json::parse(more.out)["data"]["accuracy"] == 1.0);
  program.directory().write("other.csv", "12,5,tall\n13,25,middle\n");
  refused(program, {"evaluate", "runs/flowers", "--data", "other.csv"}, "class 'tall' is none of");
  program.directory().write("wide.csv", "1,12,5,low\n1,13,25,middle\n");
  refused(program, {"evaluate", "runs/flowers", "--data", "wide.csv"}, "3 features");
}

TEST_CASE("features without any variation are drawn") {
  const Program program;
  for (const char* row : {"5,3,", "12345678,1,"}) {
    std::string text;
    for (int i = 0; i < 20; ++i) {
      text += row + std::string(i % 2 == 0 ? "a\n" : "b\n");
    }
    program.directory().write("constant.csv", text);
    for (const char* standardize : {"data.standardize=true", "data.standardize=false"}) {
      fs::remove_all(program.file("run"));
      const ProcessResult result =
          program({"train", "csv", "--data", "constant.csv", "--out", "run", "--set", standardize, "--set",
                   "optimizer.epochs=1", "--set", "control.intervals=2"});
      CAPTURE(result.err);
      CHECK(result.status == 0);
      CHECK(result.err.find("gnuplot failed") == std::string::npos);
      CHECK(fs::exists(program.file("run/figures/final_layer.svg")));
    }
  }
}

TEST_CASE("pictures in the manner of MNIST go through every command") {
  const Program program;
  write_small_mnist(program.directory(), "small");
  const std::vector<std::string> keys = {"--set", "optimizer.batch=10",   "--set", "optimizer.warmup=0",
                                         "--set", "optimizer.epochs=3",   "--set", "control.intervals=4",
                                         "--set", "field.activation=tanh"};
  const auto with_keys = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), keys.begin(), keys.end());
    const ProcessResult result = program(arguments);
    CAPTURE(arguments.front());
    CAPTURE(result.err);
    CHECK(result.status == 0);
    return result;
  };
  REQUIRE(with_keys({"train", "mnist", "--data", "small"}).status == 0);
  const auto evaluate = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"evaluate", "runs/mnist", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ProcessResult result = program(arguments);
    CAPTURE(result.err);
    REQUIRE(result.status == 0);
    return json::parse(result.out);
  };
  const json own = evaluate({});
  CHECK(own["train"]["samples"] == 40);
  CHECK(own["test"]["samples"] == 20);
  CHECK(evaluate({"--data", "small"}) == own);
  CHECK(program({"diagnose", "runs/mnist"}).status == 0);
  CHECK(program({"check-gradient", "runs/mnist", "--export-data", "d.csv"}).status == 0);
  CHECK(program.read("d.csv").rfind("x1,x2,", 0) == 0);
  CHECK(program({"report", "runs/mnist"}).status == 0);
  with_keys({"check-gradient", "mnist", "--data", "small"});
  with_keys({"compare", "mnist", "--data", "small", "--integrators", "rk4"});

  // Other pictures: as many pixels are not enough, the shape has to be the model's.
  write_small_mnist(program.directory(), "other", 4, 5);
  refused(program, {"evaluate", "runs/mnist", "--data", "other"}, "4 × 5 pixels, but the model has 5 × 4");

  const std::string images = "small/train-images-idx3-ubyte";
  const std::string labels = "data.labels=small/train-labels-idx1-ubyte.gz";
  with_keys({"train", "idx", "--data", images, "--set", labels, "--set", "data.test_fraction=0.25"});
  const std::string pair = "runs/train-images-idx3-ubyte";
  refused(program, {"evaluate", pair, "--data", images}, "data.labels=LABELS");
  const ProcessResult again = program({"evaluate", pair, "--data", images, "--set", labels, "--json"});
  REQUIRE(again.status == 0);
  CHECK(json::parse(again.out)["data"]["samples"] == 40);
}

TEST_CASE("a recipe's batch and warm-up are cut for few samples, and gaps in the labels are named") {
  const Program program;
  write_small_mnist(program.directory(), "small");
  const std::vector<std::string> arguments = {"train",  "mnist",
                                              "--data", "small",
                                              "--out",  "run",
                                              "--set",  "control.intervals=4",
                                              "--set",  "optimizer.epochs=2"};
  const ProcessResult result = program(arguments);
  CAPTURE(result.err);
  REQUIRE(result.status == 0);
  CHECK(program.read("run/config.toml").find("batch = 40 ") != std::string::npos);
  CHECK(program.read("run/config.toml").find("warmup = 0 ") != std::string::npos);
  CHECK(result.err.find("no training sample") == std::string::npos);
  std::vector<unsigned char> labels = cyclic_labels(40, 3);
  labels[7] = 4;
  program.directory().write("small/train-labels-idx1-ubyte.gz", gzipped(idx_labels(labels)));
  program.directory().write("small/t10k-labels-idx1-ubyte", idx_labels(cyclic_labels(20, 3)));
  fs::remove_all(program.file("run"));
  const ProcessResult gap = program(arguments);
  CHECK(gap.status == 0);
  CHECK(gap.err.find("of 5 classes one has no training sample: 3; check the labels") != std::string::npos);
}

}  // namespace
}  // namespace turnpike::test
