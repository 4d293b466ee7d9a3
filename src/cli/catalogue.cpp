#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/gradient.hpp"
#include "turnpike/report.hpp"
#include "turnpike/run_directory.hpp"

namespace turnpike::cli {

namespace {

const char* adjoint_name(const IntegratorTraits& t) {
  return t.adjoint == AdjointKind::discrete ? "discrete" : "continuous";
}

nlohmann::ordered_json traits_json(const IntegratorTraits& t) {
  return {{"name", t.name},
          {"order", t.order},
          {"stages", t.stages},
          {"adjoint", adjoint_name(t)},
          {"implicit", t.implicit},
          {"adaptive", t.adaptive},
          {"fixed_steps", t.fixed_steps},
          {"double_only", t.double_only},
          {"negative_weights", t.negative_weights},
          {"keeps_equilibria", t.keeps_equilibria},
          {"spurious_from", std::isfinite(t.spurious_from) ? nlohmann::ordered_json(t.spurious_from)
                                                           : nlohmann::ordered_json()},
          {"source", t.source}};
}

/// The gradient of a small two-spirals problem under `name`, checked at a random control.
GradientCheckReport self_check(const std::string& name, const IntegratorRegistry& integrators) {
  RunConfig config = recipe("two-spirals");
  config.data.per_class = 24;
  config.data.scale = 1;
  config.control.intervals = 6;
  config.control.horizon = 3;
  config.control.initialization = "uniform";
  config.integrator.name = name;
  const IntegratorTraits& traits = integrators.find(name).traits;
  if (traits.adaptive) {
    config.integrator.rtol = traits.adjoint == AdjointKind::discrete ? 1e-6 : 1e-9;
  } else if (traits.negative_weights) {
    config.cost.quadrature = "nodes";
  }
  const Experiment<double> e = load_experiment<double>(config);
  const ProblemDefinition<double> definition =
      make_definition<double>(e.config, e.train.class_count(), integrators);
  return check_experiment(e.config, e.train, initial_control(e.config, definition), {.directions = 2},
                          integrators);
}

}  // namespace

int list_integrators(bool json, const IntegratorRegistry& integrators) {
  if (json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const std::string& name : integrators.names()) {
      list.push_back(traits_json(integrators.find(name).traits));
    }
    fmt::print("{}\n", list.dump(2));
    return 0;
  }
  fmt::print("{:<18} {:>5} {:>6}  {:<18} {:<10} {:<20} {}\n", "name", "order", "stages", "kind", "adjoint",
             "spurious from h‖J‖", "source");
  for (const std::string& name : integrators.names()) {
    const IntegratorTraits& t = integrators.find(name).traits;
    fmt::print("{:<18} {:>5} {:>6}  {:<18} {:<10} {:<20} {}\n", t.name, t.order, t.stages,
               fmt::format("{}{}", t.implicit ? "implicit" : "explicit", t.adaptive ? ", adaptive" : ""),
               adjoint_name(t),
               std::isfinite(t.spurious_from) ? fmt::format("{:.3g}", t.spurious_from) : "never", t.source);
  }
  return 0;
}

int doctor(bool json, const IntegratorRegistry& integrators) {
  nlohmann::ordered_json result = nlohmann::ordered_json::parse(environment_json(1));
  result.erase("threads");
  result["gnuplot"] = gnuplot_available();
  bool passed = true;
  nlohmann::ordered_json checks;
  for (const std::string& name : integrators.names()) {
    GradientCheckReport check;
    try {
      check = self_check(name, integrators);
    } catch (const std::exception& error) {
      passed = false;
      checks[name] = {{"passed", false},
                      {"failure", error.what()},
                      {"adjoint", adjoint_name(integrators.find(name).traits)}};
      continue;
    }
    passed = passed && check.passed;
    checks[name] = {{"passed", check.passed},
                    {"relative_error", check.difference_error},
                    {"adjoint", adjoint_name(integrators.find(name).traits)}};
  }
  if (json) {
    result["gradients"] = checks;
    fmt::print("{}\n", result.dump(2));
    return passed ? 0 : 1;
  }
  for (const auto& [key, value] : result.items()) {
    fmt::print("{:<16} {}\n", key, value.is_string() ? value.get<std::string>() : value.dump());
  }
  fmt::print("\ngradients against 8th-order differences (continuous adjoints to 1e-6, at rtol = 1e-9)\n");
  for (const auto& [name, check] : checks.items()) {
    if (check.contains("failure")) {
      fmt::print("  {:<18} FAILED  {}\n", name, check["failure"].get<std::string>());
      continue;
    }
    fmt::print("  {:<18} {:<7} relative error {:.1e}\n", name,
               check["passed"].get<bool>() ? "passed" : "FAILED", check["relative_error"].get<double>());
  }
  return passed ? 0 : 1;
}

}  // namespace turnpike::cli
