#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "program.hpp"
#include "refused.hpp"

namespace turnpike::test {
namespace {

using nlohmann::json;

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
  const auto refused_with = [&](const std::string& name, const std::string& key,
                                const std::string& fragment) {
    refused(program, {"check-integrator", name, "--set", key}, fragment);
  };
  refused(program, {"check-integrator", "rk5"}, "rk4");
  refused_with("heun", "integrator.rtol=1e-6", "heun");
  refused_with("cvodes-adams", "integrator.adjoint=discrete", "continuous adjoint only");
  refused_with("heun", "integrator.recovery=bisect", "heun");
  refused_with("heun", "cost.r=1", "integrator.substeps");
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

}  // namespace
}  // namespace turnpike::test
