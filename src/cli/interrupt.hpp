#pragma once

#include <array>
#include <atomic>
#include <csignal>
#include <string>

namespace turnpike::cli {

/// While it lives, the first Ctrl-C (SIGINT), SIGTERM or SIGHUP sets `requested()` and says so instead of
/// ending the program; another one, of whichever kind, ends it at once. A signal that the program was started
/// to ignore, as SIGHUP under nohup, stays ignored. One guard at a time.
class InterruptGuard {
 public:
  InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  /// What the signals did before, they do again.
  ~InterruptGuard();

  [[nodiscard]] const std::atomic<bool>& requested() const;

  /// From now on the first signal ends the program at once, with status 130 and `message` on stderr.
  void end_with(const std::string& message);

 private:
  std::array<struct sigaction, 3> former_{};
};

}  // namespace turnpike::cli
