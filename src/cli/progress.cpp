#include "cli/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "cli/tell.hpp"

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

std::string format_bound(double value, int decimals) {
  const double scale = std::pow(10.0, decimals);
  return std::isfinite(value) ? format_cost(std::ceil(value * scale) / scale, decimals) : std::string("∞");
}

Progress::Progress(std::int64_t first, std::int64_t all, double alpha, double horizon)
    : first_(first), all_(all), alpha_(alpha), horizon_(horizon), terminal_(isatty(STDERR_FILENO) == 1) {}

void Progress::show(const EpochMetrics& m) { show("epoch", m.epoch, all_, m.objective); }
void Progress::show(const StepMetrics& m) { show("step", m.step, all_, m.objective); }

void Progress::show(const char* unit, std::int64_t done, std::int64_t all, const Objective& V) {
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  const Clock::time_point now = Clock::now();
  const bool last = done == all;
  const std::int64_t every = std::max<std::int64_t>(1, all / 10);
  const bool wanted =
      terminal_ ? now - shown_ > milliseconds(100)
                : done % every == 0 || (now - shown_ > seconds(30) && shown_ != Clock::time_point{});
  if (!last && !wanted) {
    return;
  }
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  const double left = elapsed / static_cast<double>(done - first_) * static_cast<double>(all - done);
  const double certified = alpha_ > 0 ? V.running / alpha_ : horizon_;
  tell(
      "{}{} {}/{}  V {}  (running {}, control {}, terminal {})  accuracy {:.2f} %{}  {} left{}",
      terminal_ ? "\r\x1b[2K" : "", unit, done, all, format_cost(V.total(), 4), format_cost(V.running, 3),
      format_cost(V.control, 3), format_cost(V.terminal, 3), 100 * V.accuracy,
      certified < horizon_ ? fmt::format("  certified time ≤ {}", format_bound(certified, 1)) : std::string(),
      format_duration(left), terminal_ ? "" : "\n");
  line_open_ = terminal_;
  shown_ = now;
}

void Progress::end() {
  if (line_open_) {
    tell("\n");
    line_open_ = false;
  }
}

Phases::Phases(bool shown) : shown_(shown), terminal_(isatty(STDERR_FILENO) == 1) {}

Phases::~Phases() { end(); }

void Phases::begin(const std::string& what) {
  if (shown_) {
    tell("{}{}{}", terminal_ ? "\r\x1b[2K" : "", what, terminal_ ? " …" : "\n");
    line_open_ = terminal_;
  }
}

void Phases::end() {
  if (line_open_) {
    (void)std::fputs("\r\x1b[2K", stderr);
    line_open_ = false;
  }
}

}  // namespace turnpike::cli
