#include "cli/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace turnpike::cli {

std::string format_duration(double seconds) {
  if (seconds < 60) {
    return fmt::format("{:.1f} s", seconds);
  }
  const auto whole = static_cast<std::int64_t>(seconds);
  if (whole < 3600) {
    return fmt::format("{} min {} s", whole / 60, whole % 60);
  }
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

std::string format_cost(double value, int decimals) {
  return std::abs(value) < 1e7 ? fmt::format("{:.{}f}", value, decimals) : fmt::format("{:.4e}", value);
}

Progress::Progress(std::int64_t first, std::int64_t epochs)
    : first_(first), epochs_(epochs), terminal_(isatty(STDERR_FILENO) == 1) {}

std::string Progress::line(const EpochMetrics& m) const {
  const double elapsed = std::chrono::duration<double>(Clock::now() - start_).count();
  const auto done = static_cast<double>(m.epoch - first_);
  const double left = elapsed / done * static_cast<double>(epochs_ - m.epoch);
  return fmt::format("epoch {}/{}  V {}  (running {}, control {}, terminal {})  {} left", m.epoch, epochs_,
                     format_cost(m.objective.total(), 4), format_cost(m.objective.running, 3),
                     format_cost(m.objective.control, 3), format_cost(m.objective.terminal, 3),
                     format_duration(left));
}

void Progress::show(const EpochMetrics& m) {
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  const Clock::time_point now = Clock::now();
  const bool last = m.epoch == epochs_;
  if (terminal_) {
    if (last || now - shown_ > milliseconds(100)) {
      fmt::print(stderr, "\r\x1b[2K{}", line(m));
      line_open_ = true;
      shown_ = now;
    }
    return;
  }
  const std::int64_t every = std::max<std::int64_t>(1, epochs_ / 10);
  if (last || m.epoch % every == 0 || (now - shown_ > seconds(30) && shown_ != Clock::time_point{})) {
    fmt::print(stderr, "{}\n", line(m));
    shown_ = now;
  }
}

void Progress::end() {
  if (line_open_) {
    fmt::print(stderr, "\n");
    line_open_ = false;
  }
}

}  // namespace turnpike::cli
