#include "turnpike/model_file.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "temporary_directory.hpp"
#include "turnpike/error.hpp"
#include "turnpike/experiment.hpp"

namespace turnpike {
namespace {

using test::read_file;
using test::TemporaryDirectory;

TEST_CASE_TEMPLATE("a model reads back with its control, bit for bit, and its metadata", T, float, double) {
  const TemporaryDirectory directory;
  const Experiment<double> e = load_experiment(recipe("two-spirals"));
  const auto definition = make_definition<T>(e.config, 2, builtin_integrators());
  RunConfig uniform = e.config;
  uniform.control.initialization = "uniform";
  const Control<T> u = initial_control(uniform, definition);
  write_model(directory / "m.safetensors", e.model_info(), u);

  const Safetensors contents = read_safetensors(directory / "m.safetensors");
  const ModelInfo info = model_info(contents, directory / "m.safetensors");
  CHECK(to_toml(info.config) == to_toml(e.config));
  CHECK(info.classes == e.train.classes);
  Control<T> again(definition.field->layout(), definition.grid.intervals());
  read_control(contents, directory / "m.safetensors", again);
  CHECK(std::equal(u.values().begin(), u.values().end(), std::as_const(again).values().begin()));
  CHECK(contents.tensor("A1", "m").shape == std::vector<std::int64_t>{30, 8, 2});
  CHECK(contents.tensor("b2", "m").shape == std::vector<std::int64_t>{30, 2});

  Control<T> other(definition.field->layout(), 12);
  CHECK_THROWS_WITH_AS(read_control(contents, "m.safetensors", other), doctest::Contains("A1"), InputError);
}

TEST_CASE("every way to cut or damage a file is refused with its name") {
  const TemporaryDirectory directory;
  const auto file = directory / "m.safetensors";
  write_safetensors(file, {{make_tensor("x", {2, 3}, std::vector<double>{1, 2, 3, 4, 5, 6})}, {{"k", "v"}}});
  const std::string whole = read_file(file);
  CHECK(tensor_values<double>(read_safetensors(file).tensor("x", file), file)[5] == 6);
  const auto refused = [&](const std::string& bytes) {
    const auto damaged = directory.write("damaged.safetensors", bytes);
    CHECK_THROWS_WITH_AS((void)read_safetensors(damaged), doctest::Contains("damaged.safetensors"),
                         InputError);
  };
  for (std::size_t length = 0; length < whole.size(); ++length) {
    refused(whole.substr(0, length));
  }
  refused(whole + "x");
  std::string changed = whole;
  changed.replace(changed.find("[2,3]"), 5, "[2,4]");
  refused(changed);
  changed = whole;
  changed.replace(changed.find("F64"), 3, "F99");
  refused(changed);
  changed = whole;
  changed[7] = '\x7f';
  refused(changed);
  refused(std::string(100, '\0'));
  CHECK_THROWS_AS((void)read_safetensors(directory / "absent"), InputError);
  CHECK_THROWS_AS((void)model_info(read_safetensors(file), file), InputError);
  CHECK_THROWS_AS((void)tensor_values<float>(read_safetensors(file).tensor("x", file), file), InputError);
}

TEST_CASE("a control that is not finite is no model") {
  const TemporaryDirectory directory;
  const Experiment<double> e = load_experiment(recipe("two-spirals"));
  const auto definition = make_definition<float>(e.config, 2, builtin_integrators());
  Control<float> u = initial_control(e.config, definition);
  u.values()[3] = std::numeric_limits<float>::quiet_NaN();
  const auto file = directory / "m.safetensors";
  write_safetensors(file, {control_tensors(u), {}});
  CHECK_THROWS_WITH_AS(read_control(read_safetensors(file), file, u), doctest::Contains("A1"), InputError);
}

}  // namespace
}  // namespace turnpike
