#include "turnpike/config.hpp"

#include <doctest/doctest.h>

#include "temporary_directory.hpp"
#include "turnpike/error.hpp"

namespace turnpike {
namespace {

using test::TemporaryDirectory;

RunConfig read(const std::string& toml) {
  const TemporaryDirectory directory;
  return read_config(directory.write("c.toml", toml));
}

TEST_CASE("a configuration written as TOML or JSON reads back to the same") {
  RunConfig config = recipe("two-spirals");
  set_key(config, "cost.p_d=0.87");
  set_key(config, "integrator.substeps=4");
  set_key(config, "cost.components=[1, 0]");
  set_key(config, "cost.targets=[[1, 0.5], [0, -2]]");
  set_key(config, "data.label=my \"class\"");
  CHECK(to_toml(read(to_toml(config))) == to_toml(config));
  CHECK(to_toml(config_from_json(to_json(config))) == to_toml(config));
}

TEST_CASE("unset keys take the values of the source's recipe") {
  const RunConfig config = read("[data]\nsource = 'csv'\npath = 'x.csv'\n[run]\nseed = 5\n");
  CHECK(config.run.seed == 5);
  CHECK(config.data.standardize == recipe("csv").data.standardize);
  CHECK(config.optimizer.epochs == recipe("csv").optimizer.epochs);
}

TEST_CASE("mistakes in a file name the line, the key and the remedy") {
  const auto message = [](const std::string& toml) {
    try {
      (void)read(toml);
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  const auto contains = [&](const std::string& toml, const std::string& fragment) {
    const std::string text = message(toml);
    CAPTURE(text);
    CHECK(text.find(fragment) != std::string::npos);
  };
  contains("[cost]\ngama = 3\n", "line 2");
  contains("[cost]\ngama = 3\n", "did you mean 'cost.gamma'");
  contains("[cost]\ngamma = -3\n", "cost.gamma = -3");
  contains("[cost]\ngamma = nan\n", "finite");
  contains("[cost]\ngamma = 'three'\n", "number");
  contains("[control]\nintervals = 0\n", "from 1");
  contains("[control]\nintervals = 2.5\n", "whole number");
  contains("[field]\nactivation = 'sigmoid'\n", "sigmoid");
  contains("[optimizer]\nname = 'adamm'\n", "adam");
  contains("[cost\n", "line 1");
  contains("seed = 1\n", "outside a section");
  contains("[data]\nsource = 'mnst'\n", "source");
  CHECK_THROWS_WITH_AS((void)read_config("no-such.toml"), doctest::Contains("no-such.toml"), InputError);
}

TEST_CASE("assignments on the command line are checked like those of a file") {
  RunConfig config;
  set_key(config, "run.precision=float");
  CHECK(config.run.precision == "float");
  set_key(config, "integrator.rtol=1e-6");
  CHECK(config.integrator.rtol == 1e-6);
  CHECK_FALSE(config.integrator.adjoint);
  set_key(config, "integrator.adjoint=continuous");
  CHECK(config.integrator.adjoint == "continuous");
  CHECK(config_from_json(to_json(config)).integrator.adjoint == "continuous");
  CHECK_FALSE(config_from_json(to_json(RunConfig{})).integrator.adjoint);
  CHECK_THROWS_AS(set_key(config, "integrator.adjoint=both"), InputError);
  CHECK_THROWS_WITH_AS(set_key(config, "run.seed"), doctest::Contains("section.key=value"), InputError);
  CHECK_THROWS_WITH_AS(set_key(config, "run.sed=1"), doctest::Contains("run.seed"), InputError);
  CHECK_THROWS_AS(set_key(config, "run.seed=one"), InputError);
  CHECK_THROWS_AS(set_key(config, "run.seed=-1"), InputError);
  CHECK_THROWS_AS(set_key(config, "cost.r=inf"), InputError);
}

TEST_CASE("keys that contradict each other are refused") {
  RunConfig config;
  config.integrator.rtol = 1e-6;
  config.integrator.substeps = 2;
  CHECK_THROWS_AS(check_config(config), InputError);
  config = recipe("csv");
  CHECK_THROWS_WITH_AS(check_config(config), doctest::Contains("--data"), InputError);
  config = RunConfig{};
  config.cost.stage = config.cost.terminal = "none";
  CHECK_THROWS_AS(check_config(config), InputError);
}

TEST_CASE("every key is documented with a type and a default") {
  for (const ConfigKeyInfo& key : config_keys()) {
    CAPTURE(key.name);
    CHECK_FALSE(key.type.empty());
    CHECK_FALSE(key.fallback.empty());
    CHECK(key.text.size() > 10);
  }
}

}  // namespace
}  // namespace turnpike
