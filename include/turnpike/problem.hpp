#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "turnpike/control.hpp"
#include "turnpike/cost.hpp"
#include "turnpike/ensemble.hpp"
#include "turnpike/field.hpp"
#include "turnpike/integrator.hpp"

namespace turnpike {

/// How the running cost is integrated.
enum class Quadrature {
  scheme,  ///< by the integrator's own weights, as one more state (the left-endpoint rule for Euler)
  nodes,   ///< by the trapezoidal rule over the control nodes
};

/// What the backward pass does for the records of the forward pass.
enum class Recomputation {
  none,      ///< all records are kept: memory for K intervals, nothing is computed twice
  every,     ///< states are kept at equal distances, records are computed again from one state to the next
  binomial,  ///< states are kept so that least is computed again (Griewank, Walther, ACM TOMS 26, 2000)
};

/// What is to be minimized:
///
///     V(u) = ∫₀ᵀ [ (1/D) Σ_d ℓ(x_d, u) + r‖u‖² ] dt + γ (1/D) Σ_d ℓ_f(x_d(T)),    Ẋ = F(X, u),
///
/// equation (20a), which is (5a) for explicit Euler with unit steps. ∫ r‖u‖² dt = Σ_k h_k r‖u_k‖² is
/// exact for every scheme.
///
/// With `active_intervals` = M < K the control is zero from t_M on. Zero control holds every state, so V is
/// that of M intervals with (T − t_M) · mean ℓ(x(t_M)) added: the exact tail. It costs M/K of the work.
template <class T>
struct ProblemDefinition {
  std::shared_ptr<const VectorField<T>> field;
  TimeGrid grid = TimeGrid::uniform(1, 1.0);
  std::shared_ptr<const IntervalMethod<T>> integrator;
  std::shared_ptr<const Cost<T>> running;   ///< ℓ without r‖u‖²; null for none
  std::shared_ptr<const Cost<T>> terminal;  ///< ℓ_f; null for none
  double gamma = 1;                         ///< γ ≥ 0
  double r = 0;                             ///< r ≥ 0
  Quadrature quadrature = Quadrature::scheme;
  /// Samples per tile; 0 chooses by the number of samples alone. The result's last bits depend on it.
  Index tile = 0;
  int threads = 1;             ///< never changes a bit of any result
  Index active_intervals = 0;  ///< M, of which controls consist; 0 for all K
  Recomputation recomputation = Recomputation::none;
  Index snapshots = 0;  ///< states kept a tile, at least 1 unless `recomputation` is none
  /// Once it is true an evaluation ends at the next interval with the outcome `stopped`, unless the last
  /// tiles are on their way back to a sink. Null for never; outlives the problem.
  const std::atomic<bool>* stop = nullptr;
};

/// M: the intervals whose control is not fixed to zero.
template <class T>
[[nodiscard]] Index active_intervals(const ProblemDefinition<T>& definition) {
  return definition.active_intervals > 0 ? definition.active_intervals : definition.grid.intervals();
}

/// How an integration over the whole horizon ended, and in which control interval (layer).
struct IntegrationStatus {
  StepStatus step;
  Index interval = -1;
  Index sample = -1;  ///< in the data set, −1 when unknown

  [[nodiscard]] bool ok() const { return step.ok(); }
  /// E.g. "a nonlinear solve did not converge in layer 12 (t = 12, step size 1)".
  [[nodiscard]] std::string message() const;
};

/// The value of V and its three terms.
struct Objective {
  double running = 0;   ///< ∫ mean ℓ dt
  double control = 0;   ///< Σ_k h_k r‖u_k‖²
  double terminal = 0;  ///< γ mean ℓ_f(x(T))
  /// Share of samples whose largest loss component at T is that of their class; 0 without costs.
  double accuracy = 0;
  double gradient_norm = 0;  ///< ‖∇V‖₂ where a gradient was asked for
  IntegrationStatus status;
  bool value_failed = false;  ///< whether V itself could not be computed, not its gradient alone

  [[nodiscard]] double total() const { return running + control + terminal; }
};

/// Sees the entries `first` to `first + count` − 1 of the gradient, while they are in cache, at `entries`.
/// Calls come from the problem's threads, for each entry once, in no order.
template <class T>
using GradientSink = std::function<void(Index first, Index count, const T* entries)>;

/// Sees the states X (n×columns) of the samples `first` to `first + columns` − 1 at the time of index j.
/// Calls for different samples come from different threads, those for one sample in the order of j.
template <class T>
using StateVisitor = std::function<void(Index j, Index first, ConstTile<T> X)>;

/// The training problem (5)/(20) on a data set. Holds all memory that evaluations need: after the
/// first call with a given batch size, evaluations allocate nothing. Samples are distributed to tiles,
/// tiles to threads; per-tile gradients are added in a fixed order.
template <class T>
class OptimalControlProblem {
 public:
  /// Throws InputError when the parts do not fit together or a number is out of range. The
  /// initial states and labels are copied.
  OptimalControlProblem(ProblemDefinition<T> definition, const Dataset<T>& data);
  /// The same without a copy of the data.
  OptimalControlProblem(ProblemDefinition<T> definition, std::shared_ptr<const Dataset<T>> data);
  OptimalControlProblem(OptimalControlProblem&&) noexcept;
  OptimalControlProblem& operator=(OptimalControlProblem&&) noexcept;
  ~OptimalControlProblem();

  [[nodiscard]] const ProblemDefinition<T>& definition() const;
  [[nodiscard]] Index sample_count() const;           ///< D
  [[nodiscard]] std::span<const int> labels() const;  ///< D class indices
  /// A control of the right layout with the M active intervals, all zero.
  [[nodiscard]] Control<T> zero_control() const;

  // Each of the following throws InputError for a control of another shape or a batch without samples.

  /// V(u) over all samples. Not finite or not converged: see Objective::status.
  [[nodiscard]] Objective value(const Control<T>& u);

  /// V(u), and ∇V(u) overwrites `gradient` (same shape as u). When the status is not ok the gradient
  /// is meaningless.
  Objective value_and_gradient(const Control<T>& u, Control<T>& gradient);

  /// The same with means over the samples `batch` (indices below D) instead of all.
  Objective value_and_gradient(const Control<T>& u, std::span<const Index> batch, Control<T>& gradient);

  /// The same; `sink`, unless it is empty, sees every piece of the gradient as soon as it is complete and
  /// finite. It is not stored then: the sink may keep what it likes in its place in `gradient`. When the
  /// status is not ok, some pieces may have been seen.
  Objective value_and_gradient(const Control<T>& u, Control<T>& gradient, const GradientSink<T>& sink);
  Objective value_and_gradient(const Control<T>& u, std::span<const Index> batch, Control<T>& gradient,
                               const GradientSink<T>& sink);
  /// Whether a failure of the states of one of `samples` samples leaves the gradient untouched.
  [[nodiscard]] bool fails_before_gradient(Index samples) const;

  /// V(u) over all samples, and all states at the times of `states`, without keeping them.
  Objective visit_states(const Control<T>& u, const StateVisitor<T>& visit, Index points = 1);

  /// The states at `points` ≥ 1 equally spaced times an interval and at T: K·points + 1 matrices n×D, of
  /// which every `points`-th is at a node t_k. Between the integrator's steps they are interpolated, by the
  /// cubic Hermite polynomial of the steps' states and slopes, for schemes of order 1 and 2 by a line. Where
  /// the integration fails fewer matrices are returned and `status` says why.
  [[nodiscard]] std::vector<State<T>> states(const Control<T>& u, IntegrationStatus& status,
                                             Index points = 1);

 private:
  struct Workspace;
  std::unique_ptr<Workspace> workspace_;
};

}  // namespace turnpike
