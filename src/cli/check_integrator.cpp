#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "turnpike/config.hpp"
#include "turnpike/conformance.hpp"
#include "turnpike/error.hpp"
#include "turnpike/experiment.hpp"

namespace turnpike::cli {

namespace {

/// The integrator's options from --set integrator.key=value.
IntegratorOptions options_of(const std::vector<std::string>& keys) {
  RunConfig config;
  for (const std::string& key : keys) {
    if (key.rfind("integrator.", 0) != 0 || key.rfind("integrator.name", 0) == 0) {
      throw InputError(fmt::format(
          "--set {} does not change how a scheme is made; set integrator.substeps, integrator.rtol, "
          "integrator.atol, integrator.adjoint or integrator.recovery",
          key));
    }
    set_key(config, key);
  }
  return integrator_options(config);
}

}  // namespace

int check_integrator(const CheckIntegratorOptions& options, const IntegratorRegistry& integrators) {
  ConformanceOptions conformance;
  conformance.integrator = options_of(options.keys);
  const ConformanceReport report = turnpike::check_integrator(integrators, options.name, conformance);
  if (options.json) {
    nlohmann::ordered_json checks = nlohmann::ordered_json::array();
    for (const ConformanceCheck& check : report.checks) {
      checks.push_back({{"name", check.name},
                        {"verdict", name_of(check.verdict)},
                        {"figure", check.figure},
                        {"explanation", check.explanation}});
    }
    const nlohmann::ordered_json result = {
        {"integrator", report.integrator}, {"passed", report.passed()}, {"checks", checks}};
    fmt::print("{}\n", result.dump(2));
  } else {
    fmt::print("{}", report.full());
  }
  return report.passed() ? 0 : 1;
}

}  // namespace turnpike::cli
