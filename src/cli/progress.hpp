#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "turnpike/trainer.hpp"

namespace turnpike::cli {

/// "2.3 s", "4 min 10 s", "1 h 5 min".
std::string format_duration(double seconds);

/// A cost with `decimals` decimals, or in scientific notation where that would be a long number.
std::string format_cost(double value, int decimals);

/// An upper bound, rounded up to `decimals` decimals; "∞" where there is none.
std::string format_bound(double value, int decimals);

/// Training's progress on stderr, by epochs or, where an epoch has several steps, by steps: one line that is
/// rewritten on a terminal, about ten plain lines elsewhere.
class Progress {
 public:
  /// `first` epochs (steps) of `all` are done already. With α > 0 it tells how long a sample can be outside
  /// ε = 1 at most, where that is less than the horizon: the running cost over α, α = α(1).
  Progress(std::int64_t first, std::int64_t all, double alpha = 0, double horizon = 0);
  void show(const EpochMetrics& metrics);
  void show(const StepMetrics& metrics);
  /// Leaves the terminal's line.
  void end();

 private:
  using Clock = std::chrono::steady_clock;
  /// `done` of `all` units, as text and in time.
  void show(const char* unit, std::int64_t done, std::int64_t all, const Objective& objective);

  std::int64_t first_;
  std::int64_t all_;
  double alpha_;
  double horizon_;
  bool terminal_;
  bool line_open_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point shown_{};
};

/// What the program does after a long training: on stderr a line a phase, rewritten on a terminal.
class Phases {
 public:
  explicit Phases(bool shown);
  Phases(const Phases&) = delete;
  Phases& operator=(const Phases&) = delete;
  ~Phases();
  void begin(const std::string& what);
  /// Leaves the terminal's line empty.
  void end();

 private:
  bool shown_;
  bool terminal_;
  bool line_open_ = false;
};

}  // namespace turnpike::cli
