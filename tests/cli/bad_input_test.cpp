#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "idx_bytes.hpp"
#include "program.hpp"
#include "refused.hpp"

namespace turnpike::test {
namespace {

namespace fs = std::filesystem;

TEST_CASE("unknown words are answered with the nearest known one") {
  const Program program;
  refused(program, {"trian"}, "did you mean 'train'");
  refused(program, {"train", "two-spiral"}, "did you mean 'two-spirals'");
  refused(program, {"train", "two-spirals", "--integratr", "rk4"}, "did you mean '--integrator'");
  refused(program, {"train", "two-spirals", "--integrator", "rk5"}, "did you mean 'rk4'");
  refused(program, {"train", "two-spirals", "--adjoint", "both"}, "--adjoint");
  refused(program, {"train", "two-spirals", "--adjoint", "continuous"}, "exact discrete adjoint");
  refused(program, {"train", "two-spirals", "--integrator", "dopri5", "--adjoint", "continuous"},
          "set integrator.rtol");
  refused(program, {"train", "two-spirals-cvodes", "--adjoint", "discrete"}, "continuous adjoint only");
  refused(program, {"train", "two-spirals", "--set", "cost.pd=0.9"}, "did you mean 'cost.p_d'");
  refused(program, {"train", "two-spirals", "--set", "field.activation=tan"}, "tanh");
  refused(program, {"train", "two-spirals", "extra"}, "extra");
  refused(program, {"train"}, "two-spirals");
  refused(program, {"evaluate"}, "MODEL");
}

TEST_CASE("values out of range are refused with their range") {
  const Program program;
  const auto set = [&](const std::string& assignment, const std::string& fragment) {
    refused(program, {"train", "two-spirals", "--out", "out", "--set", assignment}, fragment);
  };
  set("cost.p_d=0.5", "(1/C, 1)");
  set("cost.p_d=1", "between");
  set("cost.p_d=nan", "cost.p_d");
  set("control.intervals=0", "control.intervals");
  set("control.horizon=-1", "control.horizon");
  set("control.horizon=inf", "control.horizon");
  set("cost.r=-0.1", "cost.r");
  set("cost.r=nan", "cost.r");
  set("cost.gamma=-1", "cost.gamma");
  set("integrator.substeps=0", "integrator.substeps");
  set("integrator.rtol=1e-6", "explicit-euler");
  set("integrator.name=", "integrator");
  set("optimizer.learning_rate=nan", "learning_rate = nan: give a finite number");
  set("field.hidden=0", "field.hidden");
  set("field.state=1", "field.state");
  set("field.activation=sigmoid", "sigmoid");
  set("field.activation=softplus", "σ(0)");
  set("optimizer.learning_rate=0", "optimizer.learning_rate");
  set("optimizer.batch=481", "480");
  set("optimizer.warmup=99999999", "warmup");
  set("run.precision=half", "float");
  set("run.seed=1.5", "whole number");
  set("data.per_class=1", "data.per_class");
  set("cost.components=[0,2]", "cost.components");
  refused(program, {"train", "two-spirals", "--threads", "0"}, "threads");
}

TEST_CASE("tolerances that a scheme cannot meet are refused by the key that was set") {
  const Program program;
  const auto dopri5 = [&](const std::vector<std::string>& keys, const std::string& fragment) {
    std::vector<std::string> arguments = {"train", "two-spirals", "--out", "out", "--integrator", "dopri5"};
    for (const std::string& key : keys) {
      arguments.insert(arguments.end(), {"--set", "integrator." + key});
    }
    refused(program, arguments, fragment);
  };
  dopri5({"rtol=0"}, "integrator.rtol = 0: give a number strictly between 0 and 1");
  dopri5({"rtol=1e-9"}, "integrator.rtol = 1e-09: 'dopri5' takes at least 1.2e-06 and less than 1 in float");
  dopri5({"atol=1e-9"}, "integrator.atol = 1e-09 cannot take its place");
  dopri5({"rtol=1e-4", "atol=1e-300"},
         "integrator.atol = 1e-300: 'dopri5' takes 1.2e-38 to 3.4e+38 in float");
  dopri5({"rtol=1e-4", "atol=-1"}, "integrator.atol");
  dopri5({"rtol=1e-4", "substeps=2"}, "both set");
}

TEST_CASE("compare refuses entries that are no schemes or options, and lists the options") {
  const Program program;
  const auto compare = [&](const std::string& entries, const std::string& fragment) {
    refused(program, {"compare", "two-spirals", "--integrators", entries}, fragment);
  };
  compare("rk4,,euler", "without a scheme");
  compare("rk5", "did you mean 'rk4'");
  compare("rk4:", "'' is no option with a value; write NAME:option=value with one of substeps, rtol");
  compare("rk4:substeps", "'substeps' is no option with a value");
  compare("rk4:substeps=", "'substeps=' is no option with a value");
  compare("rk4:name=euler", "'name=euler' is no option");
  compare("rk4:substeps=0", "--integrators rk4:substeps=0: integrator.substeps");
  compare("cvodes", "did you mean 'cvodes-bdf'");
  refused(program, {"compare", "two-spirals", "--integrators", "rk4", "--integrator", "heun"},
          "from --integrators alone");
  refused(program, {"compare", "two-spirals", "--integrators", "rk4", "--set", "integrator.substeps=4"},
          "from --integrators alone");
  refused(program, {"compare", "two-spirals", "--integrators", "rk4", "--over", "integrator.substeps=1,2"},
          "from --integrators alone");
  refused(program, {"compare", "two-spirals", "--integrators", "rk4", "--over", ""}, "leave --over unset");
  refused(program, {"compare", "two-spirals", "--integrators", "rk4", "--out", ""}, "leave --out unset");
}

TEST_CASE("an initial control that overflows is named as such, with the keys that decide it") {
  const Program program;
  const ProcessResult result =
      program({"train", "two-spirals", "--out", "out", "--set", "data.scale=3e38", "--set",
               "control.initialization=uniform", "--set", "field.activation=relu"});
  CAPTURE(result.err);
  CHECK(result.status == 1);
  CHECK(result.err.find("epoch 1, at the initial control") != std::string::npos);
  CHECK(result.err.find("scale the samples down or lower control.horizon") != std::string::npos);
  CHECK(result.err.find("the initial control is in") != std::string::npos);
  CHECK(result.err.find("learning_rate") == std::string::npos);
}

#ifndef TURNPIKE_SANITIZED  // which takes its memory by other ways
TEST_CASE("memory that is not there ends in a sentence with status 1") {
  const Program program;
  const ProcessResult result =
      run_process({"sh", "-c", "ulimit -d 300000; \"$0\" train two-spirals --set integrator.substeps=100000",
                   TURNPIKE_PROGRAM},
                  program.directory().path());
  CAPTURE(result.err);
  CHECK(result.status == 1);
  CHECK(result.err.find("out of memory; use fewer samples, layers, integrator.substeps") !=
        std::string::npos);
}
#endif

TEST_CASE("damaged data files are refused with line and column") {
  const Program program;
  const auto csv = [&](const std::string& text, const std::string& fragment) {
    program.directory().write("d.csv", text);
    refused(program, {"train", "csv", "--data", "d.csv", "--out", "out"}, fragment);
  };
  csv("x,y,c\n1,2,a\n1,a\n", "line 3");
  csv("x,y,c\n1,2,a\n1,2o,b\n", "2o");
  csv("x,y,c\n1,2,a\nnan,2,b\n", "line 3");
  csv("x,y,c\n1,2,a\n1,3,a\n", "class");
  csv("", "empty");
  csv("1.5,2x,1\n1,2,0\n3,2,1\n", "line 1");
  csv("1,2,0\n1,3,1\n1,3,nan\n", "'nan' as class");
  csv("1,2,0\n1,3,\xff\n", "UTF-8");
  csv(gzipped("1,2,0\n1,3,1\n"), "compressed with gzip");
  refused(program, {"train", "csv", "--data", "missing.csv"}, "missing.csv' are not there");
  refused(program, {"train", "csv"}, "--data");
  refused(program, {"train", "two-spirals", "--data", ""}, "leave --data unset");
  refused(program, {"train", "two-spirals", "--data", "d.csv"}, "csv");
}

TEST_CASE("pictures that are missing, damaged or swapped are refused by file") {
  const Program program;
  refused(program, {"train", "mnist"}, "give --data DIR (scripts/fetch-mnist.sh DIR downloads them)");
  refused(program, {"train", "mnist", "--data", "none"}, "'/");
  refused(program, {"train", "mnist", "--data", "none"}, "is no directory");
  refused(program, {"train", "mnist", "--data", "."}, "neither train-images-idx3-ubyte nor");
  refused(program, {"train", "idx", "--data", "i"}, "--set data.labels=LABELS");
  refused(program, {"check-gradient", "mnist"}, "--data DIR");
  refused(program, {"compare", "mnist", "--integrators", "rk4"}, "--data DIR");

  write_small_mnist(program.directory(), "small");
  const std::string images = program.read("small/train-images-idx3-ubyte");
  const auto damaged = [&](const std::string& bytes, const std::string& fragment) {
    program.directory().write("small/train-images-idx3-ubyte", bytes);
    refused(program, {"train", "mnist", "--data", "small", "--out", "out"}, fragment);
  };
  damaged(images.substr(0, 500), "small/train-images-idx3-ubyte' is too short");
  damaged(images + "x", "1 bytes longer");
  damaged(gzipped(images).substr(0, 100), "cut short");
  damaged(idx_labels(cyclic_labels(40, 4)), "exchange the two");
  damaged(idx_images(39, 5, 4), "holds 39 images but");
  damaged(idx_images(40, 4, 4), "images of 5 × 4 pixels, but");
  program.directory().write("small/train-images-idx3-ubyte", images);
  refused(program, {"train", "mnist", "--data", "small", "--out", "out", "--set", "optimizer.batch=256"},
          "optimizer.batch = 256, but there are 40");
  program.directory().write("small/train-labels-idx1-ubyte", idx_labels(cyclic_labels(40, 11)));
  refused(program, {"train", "mnist", "--data", "small", "--out", "out"},
          "sample 10: label 10 is none of 0 to 9");
  refused(program, {"reproduce", "paper", "--data", "small", "--out", "out"}, "label 10");
}

TEST_CASE("keys that change nothing of a trained model are refused wherever it is loaded") {
  const Program program;
  REQUIRE(program.train("run").status == 0);
  for (const char* command : {"evaluate", "diagnose", "check-gradient"}) {
    for (const char* key : {"control.active_intervals=3", "optimizer.epochs=3", "control.initialization=zero",
                            "run.seed=2", "run.checkpoint_every=1", "data.standardize=true"}) {
      refused(program, {command, "run", "--set", key}, "has no effect on a trained model");
    }
  }
  refused(program, {"compare", "run", "--integrators", "rk4", "--set", "optimizer.epochs=3"}, "no effect");
  refused(program, {"compare", "run", "--integrators", "rk4", "--set", "run.precision=float"}, "in double");
  refused(program, {"check-gradient", "run", "--set", "run.precision=float"}, "in double");
  CHECK(program({"evaluate", "run", "--set", "cost.r=0", "--set", "run.precision=double"}).status == 0);
  // With noise, the seed decides the samples.
  CHECK(program({"evaluate", "run", "--set", "data.noise=0.1", "--set", "run.seed=2"}).status == 0);
  CHECK(
      program({"compare", "run", "--integrators", "explicit-euler", "--train", "--set", "optimizer.epochs=3"})
          .status == 0);
}

TEST_CASE("keys that the other keys leave without effect are refused with the reason") {
  const Program program;
  const auto with = [](std::vector<std::string> arguments, const std::vector<std::string>& keys) {
    for (const std::string& key : keys) {
      arguments.insert(arguments.end(), {"--set", key});
    }
    return arguments;
  };
  const std::vector<std::string> training = {"train", "two-spirals", "--out", "out"};
  refused(program, with(training, {"run.snapshots=4"}),
          "has no effect here because run.recomputation = none keeps every state; leave it out");
  refused(program, with(training, {"cost.targets=[[1, -1], [-1, 1]]"}),
          "has no effect here because neither cost.stage = soft-cross-entropy nor cost.terminal = "
          "soft-cross-entropy is quadratic");
  const std::pair<std::vector<std::string>, const char*> idle[] = {
      {{"optimizer.step_factor=0.5"}, "optimizer.schedule = cosine, not step"},
      {{"optimizer.name=sgd", "optimizer.beta1=0.5"}, "optimizer.name = sgd takes the gradient alone"},
      {{"optimizer.finish_iterations=5"}, "optimizer.finish = none"},
      {{"control.extend_every=5"}, "control.extend_by = 0"},
      {{"control.stiffness=5"}, "control.initialization = "},
      {{"field.kind=single-layer", "field.hidden=5"}, "field.kind = single-layer has one layer"},
      {{"cost.terminal=none", "cost.gamma=7"}, "cost.terminal = none"}};
  for (const auto& [keys, reason] : idle) {
    refused(program, with(training, keys), std::string("has no effect here because ") + reason);
  }
  const std::vector<std::string> quadratic = {"cost.stage=quadratic", "cost.terminal=quadratic"};
  refused(program, with(with(training, quadratic), {"cost.p_d=0.95"}),
          "--set cost.p_d=0.95 has no effect here because neither cost.stage = quadratic");
  program.directory().write("q.toml", "[cost]\nstage = \"quadratic\"\nterminal = \"quadratic\"\np_d = 0.9\n");
  refused(program, {"train", "q.toml"}, "cost.p_d = 0.9 has no effect here because neither");

  REQUIRE(program(with(Program::training("run"), {"run.recomputation=every", "run.snapshots=2"})).status ==
          0);
  for (const char* command : {"evaluate", "diagnose", "crop"}) {
    for (const char* key : {"integrator.adjoint=discrete", "run.recomputation=none", "run.snapshots=4"}) {
      refused(program, {command, "run", "--set", key},
              std::string("--set ") + key + " has no effect here because no gradient is taken");
    }
    refused(program, {command, "run", "--adjoint", "discrete"}, "--adjoint discrete has no effect here");
    refused(program, {command, "run", "--set", "cost.targets=[[1, -1], [-1, 1]]"}, "is quadratic");
    refused(program, with(with({command, "run"}, quadratic), {"cost.p_d=0.9"}), "is soft-cross-entropy");
  }
  CHECK(program(with(with({"evaluate", "run"}, quadratic), {"cost.targets=[[1, -1], [-1, 1]]"})).status == 0);
  CHECK(program({"check-gradient", "run", "--adjoint", "discrete", "--set", "run.snapshots=4"}).status == 0);
}

TEST_CASE("bf16 is refused by the instruction that is missing, and by what it cannot do") {
  const Program program;
  refused(program, {"train", "two-spirals", "--out", "out", "--set", "run.precision=bf16"},
          "more than 4 state components");
  refused(program, {"train", "two-spirals-ode", "--out", "out", "--set", "run.precision=bf16"},
          "error control");
  refused(
      program,
      {"train", "two-spirals", "--out", "out", "--integrator", "cvodes-bdf", "--set", "run.precision=bf16"},
      "not for 'cvodes-bdf'");
  const ProcessResult doctor = program({"doctor", "--json"});
  if (doctor.out.find("no avx512_bf16") != std::string::npos) {
    refused(program,
            {"train", "two-spirals", "--out", "out", "--set", "run.precision=bf16", "--set", "field.state=8"},
            "avx512_bf16, which this one has not");
  }
}

TEST_CASE("keys of the data that the source does not use are refused") {
  const Program program;
  write_small_mnist(program.directory(), "small");
  const auto set = [&](std::vector<std::string> arguments, const std::string& assignment) {
    arguments.insert(arguments.end(), {"--out", "out", "--set", assignment});
    const std::string key = assignment.substr(0, assignment.find('='));
    refused(program, arguments, key + " = ");
    refused(program, arguments, "has no effect with data.source");
  };
  for (const char* key : {"data.label=c", "data.labels=l", "data.test_path=t", "data.test_labels=t",
                          "data.test_fraction=0.1", "data.turns=2"}) {
    set({"train", "mnist", "--data", "small"}, key);
  }
  for (const char* key : {"data.path=p", "data.label=c", "data.scale_pixels=1", "data.test_fraction=0.1"}) {
    set({"train", "two-spirals"}, key);
  }
  for (const char* key : {"data.labels=l", "data.test_labels=t", "data.scale_pixels=1", "data.noise=0.1"}) {
    set({"train", "csv", "--data", "d.csv"}, key);
  }
  set({"train", "idx", "--data", "i", "--set", "data.labels=l"}, "data.label=c");
  refused(program, {"train", "mnist", "--data", "small", "--set", "data.scale_pixels=0"},
          "data.scale_pixels = 0: give a number above 0");
}

TEST_CASE("what is no regular file is not replaced, and output that cannot be written is an error") {
  const Program program;
  REQUIRE(program.train("run").status == 0);
  refused(program, {"evaluate", "run", "--predictions", "/dev/full"}, "no regular file");
  CHECK(std::filesystem::is_character_file("/dev/full"));
  const ProcessResult full = run_process({"sh", "-c", "\"$0\" integrators > /dev/full", TURNPIKE_PROGRAM},
                                         program.directory().path());
  CHECK(full.status == 1);
  CHECK(full.err.find("output could not be written") != std::string::npos);
}

TEST_CASE("damaged models, runs and configurations are refused by name") {
  const Program program;
  refused(program, {"evaluate", "missing.safetensors"}, "missing.safetensors");
  refused(program, {"resume", "missing"}, "missing");
  refused(program, {"report", "."}, "config.toml");
  refused(program, {"diagnose", "."}, "model.safetensors");
  refused(program, {"train", "missing.toml"}, "missing.toml");
  program.directory().write("bad.toml", "[run]\nsed = 1\n");
  refused(program, {"train", "bad.toml"}, "line 2");

  REQUIRE(program.train("run").status == 0);
  const std::string model = program.read("run/model.safetensors");
  program.directory().write("cut.safetensors", model.substr(0, model.size() - 100));
  refused(program, {"evaluate", "cut.safetensors"}, "cut.safetensors");
  refused(program, {"evaluate", "run", "--set", "field.hidden=9"}, "A1");
  refused(program, {"train", "two-spirals", "--out", "run"}, "exists already");
}

TEST_CASE("a run whose configuration was changed is not resumed") {
  const Program program;
  REQUIRE(program.train("run").status == 0);
  fs::remove(program.file("run/summary.json"));
  const std::string config = program.read("run/config.toml");
  const std::string seed = "seed = 1";
  std::string changed = config;
  changed.replace(changed.find(seed), seed.size(), "seed = 9");
  program.directory().write("run/config.toml", changed);
  refused(program, {"resume", "run"}, "run.seed = 9 where the run was begun with 1");
  program.directory().write("run/config.toml", "");
  refused(program, {"resume", "run"}, "undo the change");
  program.directory().write("run/config.toml", config);
  CHECK(program({"resume", "run"}).status == 0);
}

TEST_CASE("figures that cannot be written leave the rest of a report") {
  const Program program;
  REQUIRE(program.train("run").status == 0);
  fs::remove_all(program.file("run/figures"));
  program.directory().write("run/figures", "");
  const ProcessResult result = program({"report", "run"});
  CAPTURE(result.err);
  CHECK(result.err.find("figures' cannot be created") != std::string::npos);
  CHECK(fs::exists(program.file("run/report.html")));
}

TEST_CASE("a place that cannot be written is refused before the training") {
  const Program program;
  program.directory().write("file", "text");
  refused(program, Program::training("file/run"), "file/run");
  REQUIRE(program.train("run").status == 0);
  refused(program, {"evaluate", "run", "--predictions", "no/such/place.csv"}, "no/such");
}

}  // namespace
}  // namespace turnpike::test
