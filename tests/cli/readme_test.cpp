#include <sys/stat.h>

#include <doctest/doctest.h>

#include <cstdlib>
#include <sstream>

#include "program.hpp"

namespace turnpike::test {
namespace {

namespace fs = std::filesystem;
const fs::path source = TURNPIKE_SOURCE_DIR;

/// The fenced blocks of README.md in a language.
std::vector<std::string> blocks(const std::string& language) {
  std::istringstream readme(read_file(source / "README.md"));
  std::vector<std::string> found;
  bool inside = false;
  for (std::string line; std::getline(readme, line);) {
    if (inside && line == "```") {
      inside = false;
    } else if (inside) {
      found.back() += line + "\n";
    } else if (line == "```" + language) {
      inside = true;
      found.emplace_back();
    }
  }
  return found;
}

TEST_CASE("the first block of README.md names the two commands, which are there to run") {
  const std::vector<std::string> shell = blocks("sh");
  REQUIRE_FALSE(shell.empty());
  std::istringstream lines(shell.front());
  std::vector<std::string> commands;
  for (std::string line; std::getline(lines, line);) {
    commands.push_back(line.substr(0, line.find(' ')));
  }
  CHECK(commands == std::vector<std::string>{"scripts/quickstart.sh", "scripts/test.sh"});
  for (const std::string& command : commands) {
    CAPTURE(command);
    struct stat status {};
    REQUIRE(stat((source / command).c_str(), &status) == 0);
    CHECK((status.st_mode & S_IXUSR) != 0);
    CHECK(run_process({"sh", "-n", (source / command).string()}, fs::temp_directory_path()).status == 0);
  }
  CHECK(read_file(source / ".ci/run").find("scripts/test.sh") != std::string::npos);
}

#ifndef TURNPIKE_SANITIZED  // other tests run the same commands, on less data
TEST_CASE("the program's commands in README.md run, one after the other, as they stand") {
  const TemporaryDirectory directory;
  const std::string path = fs::path(TURNPIKE_PROGRAM).parent_path().string() + ":" + std::getenv("PATH");
  int commands = 0;
  for (const std::string& block : blocks("console")) {
    std::istringstream lines(block);
    for (std::string line; std::getline(lines, line);) {
      REQUIRE(line.rfind("$ turnpike ", 0) == 0);
      const ProcessResult result =
          run_process({"env", "PATH=" + path, "sh", "-c", line.substr(2)}, directory.path());
      CAPTURE(line);
      CAPTURE(result.err);
      CHECK(result.status == 0);
      ++commands;
    }
  }
  CHECK(commands >= 9);
}
#endif

TEST_CASE("the configuration in README.md trains") {
  const std::vector<std::string> toml = blocks("toml");
  REQUIRE(toml.size() == 1);
  const Program program;
  program.directory().write("my-run.toml", toml.front());
  const ProcessResult result = program({"train", "my-run.toml"});
  CAPTURE(result.err);
  CHECK(result.status == 0);
  CHECK(fs::exists(program.file("runs/my-run/report.html")));
}

}  // namespace
}  // namespace turnpike::test
