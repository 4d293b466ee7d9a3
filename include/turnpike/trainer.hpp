#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "turnpike/optimizer.hpp"
#include "turnpike/problem.hpp"

namespace turnpike {

struct TrainerOptions {
  OptimizerOptions optimizer;
  double learning_rate = 1e-3;  ///< η > 0
  Schedule schedule = Schedule::constant;
  std::int64_t warmup = 0;             ///< steps of linear warm-up
  std::int64_t schedule_period = 1;    ///< of the step schedule, in epochs
  double schedule_factor = 0.1;        ///< of the step schedule
  double clip = 0;                     ///< g ← g · min(1, clip/‖g‖₂); 0 for none
  std::int64_t epochs = 1;             ///< passes over the data
  std::int64_t batch = 0;              ///< samples per step; 0 for all of them
  std::uint64_t seed = 1;              ///< of the shuffle; that of epoch e depends on (seed, e) only
  std::int64_t finish_iterations = 0;  ///< of L-BFGS on all data after the last epoch
};

/// One epoch in numbers. With mini-batches the objective is the mean over the epoch's samples, each at the
/// control before the update that it had a part in.
struct EpochMetrics {
  std::int64_t epoch = 0;  ///< 1 after the first
  std::int64_t steps = 0;  ///< taken so far
  Objective objective;
  double gradient_norm = 0;  ///< of the last step, before clipping
  double learning_rate = 0;  ///< of the last step
};

/// One step in numbers, its objective of the samples of the step at the control before its update.
struct StepMetrics {
  std::int64_t step = 0;   ///< 1 after the first
  std::int64_t steps = 0;  ///< of the whole run
  Objective objective;
  double learning_rate = 0;
};

enum class TrainingOutcome { finished, interrupted, not_finite };

struct TrainingResult {
  TrainingOutcome outcome = TrainingOutcome::finished;
  std::int64_t epoch = 0;    ///< completed epochs
  std::int64_t steps = 0;    ///< completed steps
  IntegrationStatus status;  ///< of the step that failed
  std::string message;       ///< a sentence when the outcome is `not_finite`
};

/// All that decides how a training goes on, between two steps.
template <class T>
struct TrainerState {
  std::vector<T> control;
  std::vector<T> first_moment;
  std::vector<T> second_moment;
  std::int64_t epoch = 0;
  std::int64_t steps = 0;
  /// Of an unfinished epoch, means over its samples so far: running, control, terminal cost, accuracy, each
  /// times the share of the samples.
  std::array<double, 4> unfinished{};
  double seconds = 0;  ///< spent in epochs so far; informative
};

/// Minimizes V by first-order steps, then, if asked, by L-BFGS (NLopt's, after Nocedal, Math. Comp. 35,
/// 1980).
template <class T>
class Trainer {
 public:
  /// The problem outlives the trainer. Throws InputError for options out of range.
  Trainer(OptimalControlProblem<T>& problem, Control<T> initial, const TrainerOptions& options);

  /// Called after each epoch; returning false asks to stop there.
  using Observer = std::function<bool(const EpochMetrics&)>;
  using StepObserver = std::function<void(const StepMetrics&)>;

  /// Trains to the end, or until `stop` becomes true or a loss or gradient is not finite. Stops between
  /// steps. If the problem's ProblemDefinition::stop is the same flag, also inside a step, which then counts
  /// as not taken. Either way `state` goes on to the same bits.
  ///
  /// After `not_finite`, `control` is the last one with a finite objective, with two exceptions, where it is
  /// the one whose evaluation failed: the first evaluation after `restore` or a stop, and r‖u‖² alone that is
  /// not finite where updates go on the way back (no clipping, an explicit scheme, a control of more than 2²⁰
  /// entries). `state` is worthless then.
  TrainingResult run(const Observer& observer, const std::atomic<bool>& stop,
                     const StepObserver& step_observer = {});

  [[nodiscard]] const Control<T>& control() const { return control_; }
  [[nodiscard]] std::int64_t epoch() const { return epoch_; }
  [[nodiscard]] std::int64_t steps() const { return optimizer_.steps(); }

  /// Wall time spent in epochs and the finish, without the observer's.
  [[nodiscard]] double seconds() const { return seconds_; }

  [[nodiscard]] TrainerState<T> state();
  /// Throws InputError when the sizes differ from this trainer's.
  void restore(const TrainerState<T>& state);

  /// Optimizer steps an epoch takes.
  [[nodiscard]] std::int64_t steps_per_epoch() const;

 private:
  enum class StepEnd { taken, stopped, failed };
  enum class EpochEnd { complete, stopped, failed };
  EpochEnd run_epoch(EpochMetrics& metrics, TrainingResult& result, const std::atomic<bool>& stop,
                     const StepObserver& step_observer);
  StepEnd take_step(std::span<const Index> batch, EpochMetrics& metrics, TrainingResult& result,
                    Objective& objective);
  void return_to_last_good();
  void finish(TrainingResult& result, const std::atomic<bool>& stop);

  OptimalControlProblem<T>* problem_;
  TrainerOptions options_;
  LearningRate learning_rate_;
  Control<T> control_;
  Control<T> gradient_;    // after a step, the control before it
  std::vector<T> former_;  // the same, where a failing step can overwrite the gradient
  bool moved_ = false;     // whether gradient_ is that
  Optimizer<T> optimizer_;
  std::vector<Index> order_;
  std::array<double, 4> sums_{};  // of the epoch's steps
  std::int64_t epoch_ = 0;
  double seconds_ = 0;
};

}  // namespace turnpike
