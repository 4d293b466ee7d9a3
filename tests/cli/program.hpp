#pragma once

#include <string>
#include <utility>
#include <vector>

#include "process.hpp"
#include "temporary_directory.hpp"

namespace turnpike::test {

/// The program in a directory of its own.
class Program {
 public:
  [[nodiscard]] ProcessResult operator()(std::vector<std::string> arguments) const {
    return run_process(command(std::move(arguments)), directory_.path());
  }
  [[nodiscard]] static std::vector<std::string> command(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), TURNPIKE_PROGRAM);
    return arguments;
  }
  /// Arguments that train two spirals for a moment into `name`.
  [[nodiscard]] static std::vector<std::string> training(const std::string& name,
                                                         const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"train", "two-spirals",         "--out", name,
                                          "--set", "optimizer.epochs=40", "--set", "data.per_class=40",
                                          "--set", "control.intervals=8"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  [[nodiscard]] ProcessResult train(const std::string& name,
                                    const std::vector<std::string>& more = {}) const {
    return (*this)(training(name, more));
  }
  [[nodiscard]] const TemporaryDirectory& directory() const { return directory_; }
  [[nodiscard]] std::filesystem::path file(const std::string& name) const { return directory_ / name; }
  [[nodiscard]] std::string read(const std::string& name) const { return read_file(file(name)); }

 private:
  TemporaryDirectory directory_;
};

}  // namespace turnpike::test
