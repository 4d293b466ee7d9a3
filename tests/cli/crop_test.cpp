#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "program.hpp"
#include "refused.hpp"

namespace turnpike::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

json answer(const Program& program, std::vector<std::string> arguments) {
  arguments.emplace_back("--json");
  const ProcessResult result = program(arguments);
  CAPTURE(arguments.front());
  CAPTURE(result.err);
  REQUIRE(result.status == 0);
  return json::parse(result.out);
}

TEST_CASE("crop measures every depth and chooses by the tolerance on both splits") {
  const Program program;
  REQUIRE(program.train("run", {"--set", "optimizer.epochs=400"}).status == 0);
  const json summary = json::parse(program.read("run/summary.json"));
  const json crop = answer(program, {"crop", "run"});
  CHECK(crop["layers"] == 8);
  const json& sweep = crop["sweep"];
  REQUIRE(sweep.size() == 9);
  CHECK(sweep[8]["accuracy_train"] == summary["accuracy_train"]);
  CHECK(sweep[8]["accuracy_test"] == summary["accuracy_test"]);
  const auto kept = [&](const json& row, double tolerance) {
    return row["accuracy_train"].get<double>() >= sweep[8]["accuracy_train"].get<double>() - tolerance &&
           row["accuracy_test"].get<double>() >= sweep[8]["accuracy_test"].get<double>() - tolerance;
  };
  const auto fewest = [&](double tolerance) {
    return std::find_if(sweep.begin(), sweep.end(),
                        [&](const json& row) { return kept(row, tolerance + 1e-12); }) -
           sweep.begin();
  };
  CHECK(crop["taken"]["layers"] == fewest(0.001));
  CHECK(crop["taken"]["layers"] == crop["by_tolerance"]["layers"]);
  CHECK(summary["crop"]["layers"] == fewest(0.001));
  CHECK(summary["crop"]["accuracy_test"] == sweep[static_cast<std::size_t>(fewest(0.001))]["accuracy_test"]);
  CHECK(summary["crop"]["certified_layers"] == crop["certified"]["layers"]);
  const json loose = answer(program, {"crop", "run", "--tolerance", "0.2"});
  CHECK(loose["taken"]["layers"] == fewest(0.2));
  CHECK(fewest(0.2) < 8);
  CHECK(answer(program, {"crop", "run", "--tolerance", "1"})["taken"]["layers"] == 0);

  // No more samples change their class than is certified, and the certified change falls to 0.
  for (std::size_t k = 0; k < 9; ++k) {
    for (const std::string split : {"train", "test"}) {
      CHECK(sweep[k]["flips_" + split].get<double>() <=
            1 - sweep[k]["certified_share_" + split].get<double>() + 1e-12);
    }
    CHECK(sweep[k]["certified_change"].get<double>() >=
          sweep[std::min<std::size_t>(k + 1, 8)]["certified_change"]);
  }
  CHECK(sweep[8]["certified_change"] == 0);
  CHECK(sweep[8]["flips_train"] == 0);
  const double half = sweep[6]["certified_change"].get<double>();
  const json certified = answer(program, {"crop", "run", "--certified", std::to_string(1.001 * half)});
  CHECK(certified["taken"]["layers"].get<int>() <= 6);
  CHECK(sweep[certified["taken"]["layers"].get<std::size_t>()]["certified_change"].get<double>() <=
        1.001 * half);
  CHECK(answer(program, {"crop", "run", "--certified", "0"})["taken"]["layers"] == 8);

  const ProcessResult text = program({"crop", "run"});
  CHECK(text.status == 0);
  CHECK(text.out.find("change ≤") != std::string::npos);
  CHECK(text.out.find("taken") != std::string::npos);
}

TEST_CASE("the shorter model answers as the full one does at that layer, to every command") {
  const Program program;
  REQUIRE(program.train("run").status == 0);
  const json sweep = answer(program, {"crop", "run"})["sweep"];
  for (const int depth : {0, 1, 5, 8}) {
    CAPTURE(depth);
    const json crop =
        answer(program, {"crop", "run", "--depth", std::to_string(depth), "--out", "small.safetensors"});
    CHECK(crop["taken"]["layers"] == depth);
    CHECK(crop["model"]["same_bits"] == true);
    CHECK(crop["model"]["samples"] == 80 + 78);
    CHECK(crop["model"]["intervals"] == std::max(depth, 1));
    const json small = answer(program, {"evaluate", "small.safetensors"});
    CHECK(small["train"]["accuracy"] == sweep[static_cast<std::size_t>(depth)]["accuracy_train"]);
    CHECK(small["test"]["accuracy"] == sweep[static_cast<std::size_t>(depth)]["accuracy_test"]);
    CHECK(small["test"]["loss"].get<double>() ==
          doctest::Approx(sweep[static_cast<std::size_t>(depth)]["loss_test"].get<double>()).epsilon(1e-6));
    if (depth == 0) {
      CHECK(small["train"]["objective_terms"]["control"] == 0);
    }
    if (depth == 8) {
      CHECK(small == answer(program, {"evaluate", "run"}));
    }
  }
  REQUIRE(program({"crop", "run", "--depth", "5", "--out", "small.safetensors"}).status == 0);
  CHECK(answer(program, {"diagnose", "small.safetensors"})["layers"] == 5);
  CHECK(answer(program, {"check-gradient", "small.safetensors"})["passed"] == true);
  CHECK(program({"compare", "small.safetensors", "--integrators", "rk4:substeps=8"}).status == 0);
  // A model that was cropped can be cropped again, and to itself.
  CHECK(answer(program, {"crop", "small.safetensors", "--depth", "2", "--out",
                         "smaller.safetensors"})["model"]["same_bits"] == true);
  fs::copy_file(program.file("small.safetensors"), program.file("copy.safetensors"));
  CHECK(program({"crop", "small.safetensors", "--depth", "5", "--out", "copy.safetensors"}).status == 0);
  CHECK(program.read("copy.safetensors") == program.read("small.safetensors"));
}

TEST_CASE("every kind of scheme keeps its bits, also where T/K is rounded") {
  const std::vector<std::vector<std::string>> schemes = {
      {"--integrator", "explicit-euler"},
      {"--integrator", "rk4", "--set", "integrator.substeps=3"},
      {"--integrator", "implicit-midpoint"},
      {"--integrator", "dopri5", "--set", "integrator.rtol=1e-3"},
      {"--integrator", "cvodes-bdf", "--set", "integrator.rtol=1e-3"}};
  for (const std::vector<std::string>& scheme : schemes) {
    const Program program;
    std::vector<std::string> settings = {"--set", "control.horizon=1",    "--set", "control.intervals=10",
                                         "--set", "run.precision=double", "--set", "optimizer.epochs=3"};
    settings.insert(settings.end(), scheme.begin(), scheme.end());
    REQUIRE(program.train("run", settings).status == 0);
    CAPTURE(scheme[1]);
    for (const char* depth : {"3", "7"}) {
      const json crop = answer(program, {"crop", "run", "--depth", depth, "--out", "small.safetensors"});
      CHECK(crop["model"]["same_bits"] == true);
      const bool fixed = scheme[1] == "explicit-euler" || scheme[1] == "rk4";
      CHECK(crop["sweep"][0].contains("certified_change") == fixed);
      CHECK(crop.contains("uncertified") == !fixed);
      CHECK(crop["certified"].is_null() == !fixed);
    }
    const json small = answer(program, {"evaluate", "small.safetensors"});
    CHECK(small["train"]["objective"].is_number());
    if (scheme[1] == "dopri5") {
      refused(program, {"crop", "run", "--certified", "0.1"}, "no bound is proved for 'dopri5'");
    }
  }
}

TEST_CASE("with an exact tail the certified change is nothing from its beginning on") {
  const Program program;
  REQUIRE(program.train("run", {"--set", "control.active_intervals=3"}).status == 0);
  const json crop = answer(program, {"crop", "run", "--certified", "0", "--out", "small.safetensors"});
  CHECK(crop["taken"]["layers"] == 3);
  CHECK(crop["sweep"][3]["certified_share_test"] == 1);
  CHECK(crop["model"]["same_bits"] == true);
  CHECK(answer(program, {"evaluate", "small.safetensors"})["train"]["accuracy"] ==
        answer(program, {"evaluate", "run"})["train"]["accuracy"]);
  REQUIRE(program({"crop", "run", "--depth", "2", "--out", "two.safetensors"}).status == 0);
  CHECK(program({"evaluate", "two.safetensors"}).status == 0);
  CHECK(program({"crop", "run", "--depth", "6", "--out", "six.safetensors"}).status == 0);
  CHECK(program({"diagnose", "six.safetensors"}).status == 0);
}

TEST_CASE("summary and diagnose hold the refinement gap, the report its rows") {
  const Program program;
  REQUIRE(program.train("run").status == 0);
  const json gap = json::parse(program.read("run/summary.json"))["refinement"];
  CHECK(gap["samples"] == 80);
  CHECK(gap["own"]["scheme"] == "explicit-euler");
  REQUIRE(gap["finer"].size() == 3);
  CHECK(gap["finer"][2]["scheme"] == "explicit-euler:substeps=8");
  CHECK(gap["converged"]["scheme"] == "cvodes-bdf:rtol=1e-08");
  CHECK(answer(program, {"diagnose", "run"})["refinement"] == gap);
  const json finer = answer(program, {"evaluate", "run", "--set", "integrator.substeps=8"})["train"];
  CHECK(gap["finer"][2]["objective"].get<double>() ==
        doctest::Approx(finer["objective"].get<double>()).epsilon(1e-4));
  CHECK(gap["finer"][2]["terminal_loss"].get<double>() ==
        doctest::Approx(finer["loss"].get<double>()).epsilon(1e-4));
  CHECK(program({"diagnose", "run"}).out.find("explicit-euler:substeps=8") != std::string::npos);
  CHECK(program.read("run/report.html").find("The control under explicit-euler:substeps=8") !=
        std::string::npos);
}

TEST_CASE("wrong depths, tolerances, models and places are refused in one sentence") {
  const Program program;
  REQUIRE(program.train("run").status == 0);
  refused(program, {"crop", "run", "--depth", "9", "--out", "o.safetensors"},
          "--depth 9, but the model has 8 layers");
  refused(program, {"crop", "run", "--depth=-1", "--out", "o.safetensors"}, "--depth -1");
  refused(program, {"crop", "run", "--depth", "two"}, "--depth");
  refused(program, {"crop", "run", "--tolerance=-0.1"}, "--tolerance -0.1");
  refused(program, {"crop", "run", "--tolerance", "nan"}, "--tolerance nan");
  refused(program, {"crop", "run", "--tolerance", "1.5"}, "from 0 to 1");
  refused(program, {"crop", "run", "--certified=-1"}, "--certified -1");
  refused(program, {"crop", "run", "--certified", "inf"}, "--certified inf");
  refused(program, {"crop", "run", "--certified", "nan"}, "--certified nan");
  refused(program, {"crop", "run", "--depth", "2", "--tolerance", "0.1"}, "give one");
  refused(program, {"crop", "run", "--certified", "2", "--tolerance", "0.1"}, "give one");
  refused(program, {"crop", "missing.safetensors"}, "missing.safetensors");
  refused(program, {"crop", "."}, "model.safetensors");
  refused(program, {"crop"}, "MODEL");
  refused(program, {"crop", "run", "--out", ""}, "--out");
  refused(program, {"crop", "run", "--out", "run/model.safetensors"}, "the model itself");
  refused(program, {"crop", "run", "--out", "no/such/place.safetensors"}, "no/such");
  refused(program, {"crop", "run", "--out", "run"}, "no regular file");
  refused(program, {"crop", "run", "--data", "d.csv"}, "d.csv");
}

TEST_CASE("intervals of unequal length train and are kept, and a grid that does not fit is refused") {
  const Program program;
  const std::string nodes = "control.nodes=[0, 0.5, 1, 2, 3, 4, 5, 6, 9]";
  REQUIRE(program.train("run", {"--set", nodes}).status == 0);
  const json crop = answer(program, {"crop", "run", "--depth", "4", "--out", "small.safetensors"});
  CHECK(crop["sweep"][8]["t"] == 9);
  CHECK(crop["model"]["horizon"] == 3);
  CHECK(crop["model"]["same_bits"] == true);
  const auto refused_with = [&](const std::string& wrong, const std::string& fragment) {
    refused(program, Program::training("bad", {"--set", "control.nodes=" + wrong}), fragment);
  };
  refused_with("[0, 1]", "control.nodes holds 2 times");
  refused_with("[0, 2, 1, 3, 4, 5, 6, 7, 8]", "must be finite and increase");
  refused_with("[1, 2, 3, 4, 5, 6, 7, 8, 9]", "the first of them 0");
  refused_with("3", "control.nodes = 3: give a list");
  refused_with("[0, nan]", "give a finite number");
  refused(program, Program::training("bad", {"--set", nodes, "--set", "control.horizon=8"}), "end at 9");
}

}  // namespace
}  // namespace turnpike::test
