#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "turnpike/problem.hpp"
#include "turnpike/trainer.hpp"

/// Training with the exact tail: of K intervals the first M have a control, the others have u = 0 and hold
/// every state (ProblemDefinition::active_intervals). It starts with few and goes on with more where that
/// pays.
namespace turnpike {

/// What one more interval after the M active ones can give, to first order in a small control there. The
/// gradient at u = 0 does not tell: for the two-layer field it vanishes but for b₂.
///
/// Through all layers of the field together V falls by (rate − 2r) h s² for a control of size s in each
/// layer, with rate = max over unit (a, β) of ‖Σ_d λ_d σ₁(aᵀx_d + β)‖ (smooth σ₁: σ₁′(0) σ_max(Σ_d λ_d [x_d;
/// 1]ᵀ)). For the single-layer field and through b₂ alone it falls by h ‖g‖²/(4r), g the gradient at u = 0,
/// divided by h. The costates λ = λ(t_{M+1}) + θ h ℓ_X belong to the change that the new interval makes: it
/// stays from the interval's end on, and within the interval a share θ of it is in the running cost, to which
/// all stages add ℓ at x + c_i h F. For a Runge-Kutta step θ = Σ_i b_i c_i: 0 for explicit Euler, 1 for the
/// implicit one, 1/2 for every scheme of order 2 or more and for the trapezoidal rule over the nodes.
struct TailTest {
  Index active = 0;          ///< M
  double rate = 0;           ///< 0 for the single-layer field; a lower bound for a kinked σ₁
  double r = 0;              ///< what `rate` has to exceed is 2r
  double gradient_gain = 0;  ///< h ‖g‖²/(4r); infinite for r = 0 and g ≠ 0
  double objective = 0;      ///< V
  /// ‖∇V‖ with respect to the active intervals: with `rate` and `gradient_gain` the optimality residual of
  /// the problem of all K intervals.
  double gradient_norm = 0;

  /// Whether another interval promises a lower V: rate > 2r, or a gain of more than 1e-3 V.
  [[nodiscard]] bool pays() const { return rate > 2 * r || gradient_gain > 1e-3 * objective; }
};

/// The test at control `u` (M < K intervals) on all samples of `problem`. Throws InputError for a field
/// without a form, and for one whose first-order change is not linear in the outer layer: an outer
/// (single-layer: the) activation with a kink at 0.
template <class T>
TailTest test_tail(OptimalControlProblem<T>& problem, const Control<T>& u);

/// The same control followed by zeros, of `intervals` ≥ M intervals.
template <class T>
Control<T> followed_by_zeros(const Control<T>& u, Index intervals);

/// The state of a training with more active intervals: the new ones start at those of `start`, their moments
/// at zero. Where that holds every state, V is the same but for r‖u‖² of the new intervals.
template <class T>
TrainerState<T> extended(const TrainerState<T>& state, const Control<T>& start, Index active);

struct GrowingTrainingOptions {
  TrainerOptions trainer;
  Index extend_by = 0;            ///< intervals that become active where the tail test says that it pays
  std::int64_t extend_every = 1;  ///< epochs between tail tests, at least 1
};

/// A tail test in the course of a training.
struct TailTestOutcome {
  std::int64_t epoch = 0;        ///< after which it was made
  std::optional<TailTest> test;  ///< absent when it failed
  std::string failure;           ///< a sentence when it did; the active intervals stay as they are
};

/// Minimizes V over the control of the active intervals, which become more on the way: after every
/// `extend_every`-th epoch but the last a tail test is made while there is a tail, and where it pays the next
/// `extend_by` intervals become active. With `extend_by` = 0 this is a Trainer.
template <class T>
class GrowingTraining {
 public:
  /// Starts with the M intervals of `definition.active_intervals` (all for 0) and with `initial`, whose first
  /// M intervals are taken. `for_new()` gives K intervals, of which those that become active are taken; where
  /// they hold every state (second layer zero), V stays the same but for r‖u‖². Throws InputError as the
  /// problem and the trainer do.
  GrowingTraining(ProblemDefinition<T> definition, std::shared_ptr<const Dataset<T>> data,
                  const Control<T>& initial, std::function<Control<T>()> for_new,
                  const GrowingTrainingOptions& options);

  struct Observers {
    typename Trainer<T>::Observer epoch;     ///< after each epoch; returning false asks to stop
    typename Trainer<T>::StepObserver step;  ///< after each step
    std::function<void(const TailTestOutcome&)> test;
    /// After each epoch, and after its tail test where there is one: `state` is what a checkpoint has to
    /// hold.
    std::function<void(std::int64_t epoch)> settled;
  };
  /// Trains to the end, or stops as Trainer::run does. Each observer may be empty.
  TrainingResult run(const Observers& observers, const std::atomic<bool>& stop);

  /// The tail test at the present control, on at most 4096 samples, evenly picked. Throws as `test_tail`.
  [[nodiscard]] TailTest test() const;

  [[nodiscard]] Index intervals() const { return definition_.grid.intervals(); }  ///< K
  [[nodiscard]] Index active() const { return active_intervals(definition_); }    ///< M at present
  /// Of the intervals that are active now; another one once there are more.
  [[nodiscard]] Trainer<T>& trainer() { return *trainer_; }

  [[nodiscard]] TrainerState<T> state() { return trainer_->state(); }
  /// Goes on from a state of this training, with as many active intervals as it has come to. Throws
  /// InputError for one of fewer than it began with, of more where it does not grow, or of other sizes; then,
  /// as after any other exception, the training is as it was.
  void restore(const TrainerState<T>& state);

 private:
  [[nodiscard]] bool tests_after(std::int64_t epoch) const;
  /// Takes up a problem with the intervals of u and a trainer that starts at u, or at `state` unless it is
  /// null.
  void begin(Control<T> u, const TrainerState<T>* state);
  void extend();

  ProblemDefinition<T> definition_;
  std::shared_ptr<const Dataset<T>> data_;
  std::function<Control<T>()> for_new_;
  GrowingTrainingOptions options_;
  Index first_active_;
  std::unique_ptr<OptimalControlProblem<T>> problem_;
  std::unique_ptr<Trainer<T>> trainer_;  // refers to problem_
};

}  // namespace turnpike
