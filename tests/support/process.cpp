#include "process.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

#include "temporary_directory.hpp"

namespace turnpike::test {

Process::Process(const std::vector<std::string>& command, const std::filesystem::path& directory)
    : out_(directory / ".stdout"), err_(directory / ".stderr") {
  std::vector<char*> arguments;
  for (const std::string& word : command) {
    arguments.push_back(const_cast<char*>(word.c_str()));  // NOLINT: execvp does not write to them
  }
  arguments.push_back(nullptr);
  pid_ = fork();
  if (pid_ < 0) {
    throw std::runtime_error("fork failed");
  }
  if (pid_ == 0) {
    const int out = open(out_.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
    const int err = open(err_.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
    if (chdir(directory.c_str()) == 0 && dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0) {
      execvp(arguments[0], arguments.data());
    }
    _exit(127);
  }
}

Process::~Process() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
}

void Process::send_signal(int signal) const { kill(pid_, signal); }

ProcessResult Process::wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  ProcessResult result;
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.out = read_file(out_);
  result.err = read_file(err_);
  return result;
}

ProcessResult run_process(const std::vector<std::string>& command, const std::filesystem::path& directory) {
  return Process(command, directory).wait();
}

}  // namespace turnpike::test
