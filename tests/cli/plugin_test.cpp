#include <doctest/doctest.h>

#include <string>

#include "program.hpp"
#include "refused.hpp"

namespace turnpike::test {
namespace {

std::string plugin(const std::string& fault) { return TURNPIKE_PLUGIN_DIR "/libplugin_" + fault + ".so"; }

/// Arguments that train with a scheme of the faulty plug-in `fault`.
std::vector<std::string> training(const std::string& fault, const std::string& scheme = "faulty") {
  return Program::training("run", {"--plugin", plugin(fault), "--integrator", scheme});
}

ProcessResult train(const Program& program, const std::string& fault, const std::string& scheme = "faulty") {
  return program(training(fault, scheme));
}

TEST_CASE("a plug-in that cannot be used is refused in one sentence with status 2") {
  struct Case {
    std::string fault;
    std::string says;
  };
  for (const Case& c :
       {Case{"wrong_abi", "was built for another version of turnpike"},
        Case{"no_symbol", "is no plug-in: it exports no turnpike_plugin_abi"},
        Case{"clash", "an integrator called 'rk4' exists already"},
        Case{"throws-in-registration", "failed to register its schemes: no schemes today"},
        Case{"registers-nothing", "registers no scheme"},
        Case{"impossible-order", "says it has order 0 and 1 stages"},
        Case{"null-factory", "made no method for 'faulty' in float"},
        Case{"null-one-step-factory", "the factory of 'faulty' made no method in float"},
        Case{"negative-footprint", "asks for record = -5"},
        Case{"impossible-spurious", "spurious fixed points appear from h‖J‖ = -1"},
        Case{"ignores-substeps", "does not fall with more steps an interval"},
        Case{"understates-order", "says that 'faulty' has order 1, but it converges with order 2"},
        Case{"lies-about-order", "says that 'faulty' has order 3, but it converges with order"},
        Case{"not-linked", "link it against turnpike::turnpike"},
        Case{"fast-math", "was linked with -ffast-math"},
        Case{"throws-in-footprint", "threw while it set up memory for 'faulty': no memory today"},
        Case{"null-workspace", "made no workspace for 'faulty'"}}) {
    const Program program;
    refused(program, training(c.fault), c.says);
  }
}

TEST_CASE("beside a scheme that lies about its order, the others of a plug-in can be used") {
  const Program program;
  CHECK(program({"integrators", "--plugin", plugin("lies-about-order")}).out.find("faulty") !=
        std::string::npos);
  CHECK(train(program, "lies-about-order", "sound").status == 0);
}

TEST_CASE("a run that is stopped says how to resume it with its plug-in") {
  const Program program;
  const ProcessResult result =
      run_process({"sh", "-c",
                   "\"$0\" train two-spirals --out run --plugin \"$1\" --integrator faulty --set "
                   "optimizer.epochs=10000000 & "
                   "while ! [ -s run/metrics.csv ]; do sleep 0.1; done; kill -TERM $!; wait $!",
                   TURNPIKE_PROGRAM, plugin("none")},
                  program.directory().path());
  CAPTURE(result.err);
  CHECK(result.status == 130);
  CHECK(result.err.find("`turnpike resume run --plugin " + plugin("none") + "`") != std::string::npos);
}

TEST_CASE("a file that is missing or no shared object is refused with status 2") {
  const Program program;
  refused(program, {"integrators", "--plugin", "nowhere.so"}, "there is no plug-in 'nowhere.so'");
  refused(program, {"integrators", "--plugin", TURNPIKE_SOURCE_DIR "/README.md"},
          "build it as a shared object");
}

TEST_CASE("a step that throws or returns NaN ends the run with status 1, t, step and layer") {
  for (const auto& [fault, says] :
       {std::pair<std::string, std::string>{
            "throws-in-step",
            "the scheme threw an exception in layer 3 (t = 3, step size 1); the "
            "plug-in"},
        {"throws-in-pull-back", "the scheme threw an exception in layer"},
        {"returns-nan", "became NaN or infinite in layer 3 (t = 3, step size 1"}}) {
    const Program program;
    const ProcessResult result = train(program, fault);
    CAPTURE(fault);
    CAPTURE(result.err);
    CHECK(result.status == 1);
    CHECK(result.err.find(says) != std::string::npos);
  }
  const Program program;
  CHECK(train(program, "throws-in-step").err.find("threw: no step today; mend it") != std::string::npos);
}

TEST_CASE("a scheme that fails leaves the others in doctor, and compare with nothing else ends with 1") {
  const Program program;
  const ProcessResult doctor = program({"doctor", "--plugin", plugin("negative-footprint")});
  CHECK(doctor.status == 1);
  CHECK(doctor.out.find("rk4                passed") != std::string::npos);
  CHECK(doctor.out.find("faulty             FAILED") != std::string::npos);
  const ProcessResult compared = program({"compare", "two-spirals", "--set", "data.per_class=6",
                                          "--integrators", "faulty", "--plugin", plugin("throws-in-step")});
  CAPTURE(compared.err);
  CHECK(compared.status == 1);
  CHECK(compared.err.find("every scheme failed") != std::string::npos);
}

TEST_CASE("the kit asks for float where a scheme does not say that it has none") {
  const Program program;
  const ProcessResult result =
      program({"check-integrator", "faulty", "--plugin", plugin("no-float-factory")});
  CHECK(result.status == 1);
  CHECK(result.out.find("FAILED   made") != std::string::npos);
}

TEST_CASE("steps that are shown to a visitor at wrong times are an error, not a wrong picture") {
  const Program program;
  const ProcessResult result = train(program, "wrong-visits");
  CAPTURE(result.err);
  CHECK(result.status == 1);
  CHECK(result.err.find("advance_visiting showed") != std::string::npos);
}

TEST_CASE("the conformance kit takes a plug-in that lies about its order, and rejects the scheme") {
  const Program program;
  const ProcessResult result =
      program({"check-integrator", "faulty", "--plugin", plugin("lies-about-order")});
  CHECK(result.status == 1);
  CHECK(result.out.find("FAILED   order-state") != std::string::npos);
  CHECK(result.out.find("declared 3") != std::string::npos);
}

TEST_CASE("schemes of a plug-in are listed, trained and evaluated like built-in ones") {
  const Program program;
  const std::string sound = plugin("none");
  CHECK(program({"integrators", "--plugin", sound}).out.find("faulty") != std::string::npos);
  REQUIRE(train(program, "none").status == 0);
  CHECK(program({"evaluate", "run", "--plugin", sound}).status == 0);
  const ProcessResult checked = program({"check-integrator", "faulty", "--plugin", sound});
  CAPTURE(checked.out);
  CHECK(checked.status == 0);
  const ProcessResult without = program({"evaluate", "run"});
  CHECK(without.status == 2);
  CHECK(without.err.find("--plugin") != std::string::npos);
  // It is explicit Euler.
  REQUIRE(program.train("euler").status == 0);
  CHECK(program.read("run/metrics.csv").substr(0, 200) == program.read("euler/metrics.csv").substr(0, 200));
}

}  // namespace
}  // namespace turnpike::test
