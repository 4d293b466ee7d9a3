#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace turnpike::test {

struct ProcessResult {
  int status = -1;  ///< exit status; 128 + n when ended by signal n
  std::string out;
  std::string err;
};

/// A program that runs beside the test, its stdout and stderr in files of `directory` or on a terminal of its
/// own, of which nothing is read.
class Process {
 public:
  enum class Output { files, terminal };
  Process(const std::vector<std::string>& command, const std::filesystem::path& directory,
          Output output = Output::files);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  /// Kills a process that nobody waited for.
  ~Process();

  void send_signal(int signal) const;
  /// Closes the terminal, as its window does: the program gets SIGHUP and can write no more.
  void hang_up();
  ProcessResult wait();

 private:
  std::filesystem::path out_;
  std::filesystem::path err_;
  pid_t pid_ = -1;
  int terminal_ = -1;
};

/// Runs a command in `directory` to its end.
ProcessResult run_process(const std::vector<std::string>& command, const std::filesystem::path& directory);

}  // namespace turnpike::test
