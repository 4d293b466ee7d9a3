#include <doctest/doctest.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "idx_bytes.hpp"
#include "program.hpp"

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

TEST_CASE("a run that a signal stopped resumes to the same bits") {
  for (const int signal : {SIGINT, SIGTERM}) {
    const Program program;
    std::vector<std::string> settings = {"--set", "optimizer.epochs=3000", "--set", "run.checkpoint_every=50",
                                         "--set", "optimizer.batch=20"};
    if (signal == SIGTERM) {  // with intervals that become active on the way
      settings.insert(settings.end(), {"--set", "control.active_intervals=3", "--set", "control.extend_by=1",
                                       "--set", "control.extend_every=700"});
    }
    REQUIRE(program.train("whole", settings).status == 0);

    std::vector<std::string> arguments = {"train", "two-spirals",       "--out", "stopped",
                                          "--set", "data.per_class=40", "--set", "control.intervals=8"};
    arguments.insert(arguments.end(), settings.begin(), settings.end());
    Process process(Program::command(arguments), program.directory().path());
    while (!fs::exists(program.file("stopped/checkpoint/state.safetensors"))) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
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
    CHECK(program({"resume", "stopped"}).status == 2);
  }
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
  CHECK(program.train("bad", {"--set", "control.active_intervals=9"}).status == 2);
  CHECK(program.train("bad", {"--set", "control.extend_by=1"}).status == 2);

  // There is no tail test for an outer activation with a kink, but the tail is exact all the same.
  const std::vector<std::string> kinked = {"--set", "field.outer_activation=relu", "--set",
                                           "control.active_intervals=3"};
  REQUIRE(program.train("kinked", kinked).status == 0);
  CHECK(json::parse(program.read("kinked/summary.json"))["exact_tail"] == json{{"active_intervals", 3}});
  std::vector<std::string> extended = kinked;
  extended.insert(extended.end(), {"--set", "control.extend_by=1"});
  CHECK(program.train("bad", extended).status == 2);
  CHECK_FALSE(fs::exists(program.file("bad")));
}

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

TEST_CASE("compare trains with each scheme, climbs ladders, and writes a page, figures and JSON") {
  const Program program;
  const std::vector<std::string> small = {"--set", "data.per_class=12",   "--set", "data.scale=1",
                                          "--set", "control.intervals=4", "--set", "optimizer.epochs=10"};
  const auto compare = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"compare", "two-spirals", "--integrators", "explicit-euler,rk4"});
    arguments.insert(arguments.end(), small.begin(), small.end());
    return program(arguments);
  };
  const ProcessResult result = compare({"--train", "--work-precision", "--out", "results"});
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
  const ProcessResult again = compare({"--out", "results"});
  CHECK(again.status == 2);
  CHECK(again.err.find("'results' exists already") != std::string::npos);

  const ProcessResult swept = compare({"--over", "control.horizon=2,8", "--out", "sweep", "--json"});
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
    const ProcessResult refused = compare({"--over", over});
    CAPTURE(refused.err);
    CHECK(refused.status == 2);
    CHECK(refused.err.find("--over") != std::string::npos);
  }
  CHECK(compare({"--over", "cost.pd=1,2"}).status == 2);
  CHECK(compare({"--over", "control.horizon=1,2", "--train"}).status == 2);
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
  CHECK(program({"compare", "run", "--integrators", "rk4:substeps=0"}).status == 2);
  for (const char* const entries : {"rk4,", "rk4:", "rk4:substeps", "rk4:name=heun", ":substeps=2"}) {
    const ProcessResult refused = program({"compare", "run", "--integrators", entries});
    CAPTURE(refused.err);
    CHECK(refused.status == 2);
    CHECK(refused.err.find("turnpike: --integrators") == 0);
  }
  CHECK(program({"compare", "run"}).status == 2);
  const ProcessResult text =
      program({"compare", "two-spirals", "--integrators", "rk4", "--set", "data.per_class=12"});
  CHECK(text.status == 0);
  CHECK(text.out.find("uniform random") != std::string::npos);
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
  CHECK(program({"diagnose", "run", "--epsilon", "0"}).status == 2);
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
  CHECK(program({"evaluate", "runs/flowers", "--data", "other.csv"}).status == 2);
  program.directory().write("wide.csv", "1,12,5,low\n1,13,25,middle\n");
  CHECK(program({"evaluate", "runs/flowers", "--data", "wide.csv"}).status == 2);
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
  const ProcessResult other = program({"evaluate", "runs/mnist", "--data", "other"});
  CHECK(other.status == 2);
  CHECK(other.err.find("4 × 5 pixels, but the model has 5 × 4") != std::string::npos);

  const std::string images = "small/train-images-idx3-ubyte";
  const std::string labels = "data.labels=small/train-labels-idx1-ubyte.gz";
  with_keys({"train", "idx", "--data", images, "--set", labels, "--set", "data.test_fraction=0.25"});
  const std::string pair = "runs/train-images-idx3-ubyte";
  const ProcessResult without = program({"evaluate", pair, "--data", images});
  CHECK(without.status == 2);
  CHECK(without.err.find("data.labels=LABELS") != std::string::npos);
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
  CHECK(program({"report", "run"}).status == 2);
  const ProcessResult report = program({"report", "run", "--data", "moved"});
  CAPTURE(report.err);
  CHECK(report.status == 0);
  write_small_mnist(program.directory(), "other");
  program.directory().write("other/train-labels-idx1-ubyte.gz", gzipped(idx_labels(cyclic_labels(40, 3))));
  const ProcessResult other = program({"report", "run", "--data", "other"});
  CHECK(other.status == 2);
  CHECK(other.err.find("other samples than the run was begun with") != std::string::npos);

  fs::remove(program.file("run/summary.json"));
  CHECK(program({"resume", "run"}).status == 2);
  CHECK(program({"resume", "run", "--data", "other"}).status == 2);
  const ProcessResult resumed = program({"resume", "run", "--data", "moved"});
  CAPTURE(resumed.err);
  CHECK(resumed.status == 0);
  CHECK(program.read("run/layers.csv") == layers);
  CHECK(resumed.err.find("measuring all 4 layers on 40 training samples") != std::string::npos);
  CHECK(program({"report", "run"}).status == 0);  // from now on they are there

  REQUIRE(program.train("spirals").status == 0);
  CHECK(program({"report", "spirals", "--data", "moved"}).status == 2);
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

TEST_CASE("check-integrator tells check by check whether a scheme conforms") {
  const Program program;
  const ProcessResult text = program({"check-integrator", "heun"});
  CAPTURE(text.out);
  CHECK(text.status == 0);
  CHECK(text.out.find("heun conforms") != std::string::npos);
  const ProcessResult result =
      program({"check-integrator", "dopri5", "--json", "--set", "integrator.rtol=1e-6"});
  CHECK(result.status == 0);
  const json report = json::parse(result.out);
  CHECK(report["integrator"] == "dopri5");
  CHECK(report["passed"] == true);
  CHECK(report["checks"].size() > 15);
  for (const json& check : report["checks"]) {
    CHECK(check["verdict"] != "failed");
    CHECK_FALSE(check["explanation"].get<std::string>().empty());
  }
  const ProcessResult unknown = program({"check-integrator", "rk5"});
  CHECK(unknown.status == 2);
  CHECK(unknown.err.find("rk4") != std::string::npos);
  CHECK(program({"check-integrator", "heun", "--set", "integrator.rtol=1e-6"}).status == 2);
  CHECK(program({"check-integrator", "cvodes-adams", "--set", "integrator.adjoint=discrete"}).status == 2);
  CHECK(program({"check-integrator", "heun", "--set", "integrator.recovery=bisect"}).status == 2);
  const ProcessResult other = program({"check-integrator", "heun", "--set", "cost.r=1"});
  CHECK(other.status == 2);
  CHECK(other.err.find("integrator.substeps") != std::string::npos);
}

TEST_CASE("integrators and doctor answer in text and JSON") {
  const Program program;
  CHECK(program({"integrators"}).out.find("three-eighths") != std::string::npos);
  const json list = json::parse(program({"integrators", "--json"}).out);
  CHECK(list.size() >= 7);
  CHECK(list[0]["name"] == "explicit-euler");
  const ProcessResult doctor = program({"doctor", "--json"});
  CHECK(doctor.status == 0);
  const json checks = json::parse(doctor.out)["gradients"];
  CHECK(checks.size() == list.size());
  for (const json& check : checks) {
    CHECK(check["passed"] == true);
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
  const ProcessResult refused =
      program.train("refused", {"--integrator", "cvodes-adams", "--set", "integrator.adjoint=discrete"});
  CHECK(refused.status == 2);
  CHECK(refused.err.find("continuous adjoint only") != std::string::npos);
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
