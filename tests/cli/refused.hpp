#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "program.hpp"

namespace turnpike::test {

/// Checks that the program refuses `arguments`: status 2, one sentence on stderr that contains `fragment`,
/// nothing on stdout, and no file that was not there before.
inline void refused(const Program& program, const std::vector<std::string>& arguments,
                    const std::string& fragment) {
  const auto files = [&program] {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(program.directory().path())) {
      const std::string name = entry.path().filename().string();
      if (name != ".stdout" && name != ".stderr") {  // of the process itself
        names.insert(entry.path().string());
      }
    }
    return names;
  };
  const std::set<std::string> before = files();
  const ProcessResult result = program(arguments);
  std::string line;
  for (const std::string& word : arguments) {
    line += word + " ";
  }
  CAPTURE(line);
  CAPTURE(result.err);
  CHECK(result.status == 2);
  CHECK(result.err.rfind("turnpike: ", 0) == 0);
  CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
  CHECK(result.err.find(fragment) != std::string::npos);
  CHECK(result.out.empty());
  CHECK(files() == before);
}

}  // namespace turnpike::test
