#pragma once

#include <atomic>

namespace turnpike::cli {

/// While it lives, the first Ctrl-C (SIGINT), SIGTERM or SIGHUP sets `requested()` and says so instead of
/// ending the program; a second one ends it at once.
class InterruptGuard {
 public:
  InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  ~InterruptGuard();

  /// Of the guard that lives, or lived last.
  [[nodiscard]] static const std::atomic<bool>& requested();
};

}  // namespace turnpike::cli
