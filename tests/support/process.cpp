#include "process.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>

#include "temporary_directory.hpp"

namespace turnpike::test {

Process::Process(const std::vector<std::string>& command, const std::filesystem::path& directory,
                 Output output)
    : out_(directory / ".stdout"), err_(directory / ".stderr") {
  const bool on_terminal = output == Output::terminal;
  if (on_terminal) {
    terminal_ = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal_ < 0 || grantpt(terminal_) != 0 || unlockpt(terminal_) != 0) {
      throw std::runtime_error("there is no terminal");
    }
  }
  const std::string terminal = on_terminal ? ptsname(terminal_) : "";
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
    if (on_terminal) {
      setsid();  // the terminal that is opened next becomes that of the program
    }
    const int out =
        on_terminal ? open(terminal.c_str(), O_RDWR) : open(out_.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
    const int err = on_terminal ? out : open(err_.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
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
  hang_up();
}

void Process::hang_up() {
  if (terminal_ >= 0) {
    close(terminal_);
    terminal_ = -1;
  }
}

void Process::send_signal(int signal) const { kill(pid_, signal); }

ProcessResult Process::wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  ProcessResult result;
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (std::filesystem::exists(out_)) {
    result.out = read_file(out_);
    result.err = read_file(err_);
  }
  return result;
}

ProcessResult run_process(const std::vector<std::string>& command, const std::filesystem::path& directory) {
  return Process(command, directory).wait();
}

}  // namespace turnpike::test
