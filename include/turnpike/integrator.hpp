#pragma once

#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "turnpike/ensemble.hpp"
#include "turnpike/tape.hpp"

/// The seam: what an integrator sees of a problem (ControlledSystem) and what a problem sees of an
/// integrator (IntervalMethod). There are three ways to write an integrator, each adapted to the next:
/// a ButcherTableau (butcher_tableau.hpp), a OneStepMethod, an IntervalMethod.
///
/// Notation of the adjoint, here and everywhere: for an objective J, the costate λ = ∂J/∂X (n×D, same
/// shape as the state) runs backward, a bar denotes the derivative of J with respect to the barred
/// quantity (X̄ = ∂J/∂X, ū = ∂J/∂u), and μ = ∂J/∂q is the derivative with respect to the quadrature
/// state q that carries the running cost (μ = 1 for the objectives (5) and (20)). A pull-back maps
/// derivatives with respect to a function's outputs to those with respect to its inputs: Λ ↦ F_XᵀΛ.
/// Costates of inputs are overwritten, ū accumulates. Beware: control texts often use −λ, and
/// SUNDIALS writes λ̇ = −F_Xᵀλ − ℓ_X with the same sign as ours.
namespace turnpike {

/// One tile of the ensemble at one control u_k: Ẋ = F(X, u_k) together with its share
/// q̇ = ℓ(X, u_k) of the running cost.
///
/// `evaluate` fills a record from which all derivatives at that point follow without evaluating
/// anything twice. The system has scratch memory of its own: one system serves one thread at a time.
/// No function here allocates, but for what a product in bf16 takes at the first call of its shape on a
/// thread.
template <class T>
class ControlledSystem {
 public:
  ControlledSystem() = default;
  ControlledSystem(const ControlledSystem&) = delete;
  ControlledSystem& operator=(const ControlledSystem&) = delete;
  virtual ~ControlledSystem() = default;

  [[nodiscard]] virtual Index state_dimension() const = 0;    ///< n
  [[nodiscard]] virtual Index columns() const = 0;            ///< samples of the tile, D
  [[nodiscard]] virtual Index control_dimension() const = 0;  ///< n_u
  [[nodiscard]] virtual Index record_size() const = 0;        ///< entries of T in a record

  /// Overwrites Xdot (n×D) with F(X, u(t)) and `record`; returns ℓ(X, u(t)). X and Xdot do not
  /// overlap.
  virtual T evaluate(T t, ConstTile<T> X, Tile<T> Xdot, T* record) const = 0;

  /// X̄ = F_XᵀΛ + μ ℓ_X overwrites Xbar (n×D); ū += F_uᵀΛ + μ ℓ_u accumulates (n_u entries). Λ and X̄ do not
  /// overlap.
  virtual void pull_back(const T* record, ConstTile<T> Lambda, T mu, Tile<T> Xbar, T* ubar) const = 0;

  // `evaluate` and `pull_back` with the result added to a state, which can save a pass over the states.
  // `work` (n×D) is overwritten and overlaps no other argument.

  /// sum (n×D) += w F(X, u(t)), where X is `sum` or does not overlap it; overwrites `record`; returns
  /// ℓ(X, u(t)).
  virtual T evaluate_add(T t, ConstTile<T> X, T w, Tile<T> sum, Tile<T> work, T* record) const;
  /// sum (n×D) += F_XᵀΛ + μ ℓ_X, where Λ is `sum` or does not overlap it; ū += F_uᵀΛ + μ ℓ_u.
  virtual void pull_back_add(const T* record, ConstTile<T> Lambda, T mu, Tile<T> sum, Tile<T> work,
                             T* ubar) const;

  // The parts of `pull_back`, for Newton and Krylov iterations and solvers that own their steps.

  /// JV = F_X V; overwrites JV (n×D).
  virtual void apply(const T* record, ConstTile<T> V, Tile<T> JV) const = 0;
  /// F_XᵀΛ; overwrites JtLambda (n×D).
  virtual void apply_transposed(const T* record, ConstTile<T> Lambda, Tile<T> JtLambda) const = 0;
  /// ū += F_uᵀΛ + μ ℓ_u.
  virtual void accumulate_control(const T* record, ConstTile<T> Lambda, T mu, T* ubar) const = 0;
  /// ℓ_X; overwrites gradient (n×D).
  virtual void cost_gradient(const T* record, Tile<T> gradient) const = 0;
};

enum class StepOutcome {
  ok,
  not_finite,           ///< a state or a cost became NaN or infinite
  gradient_not_finite,  ///< the gradient did, on the way back
  not_converged,        ///< a nonlinear solve failed
  step_too_small,       ///< error control asked for a step below the resolution of t
  too_many_steps,       ///< the step limit was reached inside one interval
  threw,                ///< a plug-in's method threw an exception
  solver_failed,        ///< for a reason of the solver's own, named in StepStatus::detail
  stopped,              ///< asked for by ProblemDefinition::stop; never returned by a scheme
};

/// A sentence fragment for `outcome`, e.g. "a nonlinear solve did not converge".
std::string_view describe(StepOutcome outcome);

/// How a step or an interval ended, and where. A failed step leaves state and cost as they were; of an
/// interval of several steps those before the failed one stay taken. After a failed pull-back the costate is
/// worthless.
struct StepStatus {
  StepOutcome outcome = StepOutcome::ok;
  double t = 0;       ///< where the failed step began
  double h = 0;       ///< its size
  Index column = -1;  ///< the worst sample of the tile, −1 when unknown
  /// What the solver calls it and what may help, a text that lives as long as the program; null for nothing.
  const char* detail = nullptr;

  [[nodiscard]] bool ok() const { return outcome == StepOutcome::ok; }
};

/// Memory that a step needs, in entries of T. It comes without values.
struct Footprint {
  Index record = 0;   ///< kept from the step to its pull-back
  Index scratch = 0;  ///< free again when the call returns
};

enum class AdjointKind { discrete, continuous };

/// What is known of a scheme before it runs.
struct IntegratorTraits {
  std::string name;    ///< on the command line, e.g. "explicit-euler"
  std::string source;  ///< where the scheme is described
  int order = 1;       ///< of state, cost and gradient at smooth controls; the highest of a multistep method
  int stages = 1;
  AdjointKind adjoint = AdjointKind::discrete;
  bool implicit = false;
  bool adaptive = false;          ///< chooses its steps by an error estimate
  bool fixed_steps = true;        ///< can take integrator.substeps steps of equal size
  bool double_only = false;       ///< exists for double alone
  bool negative_weights = false;  ///< some b_i < 0: a computed running cost can become negative
  /// Every equilibrium of the field is one of the scheme (Definition 17, one direction).
  bool keeps_equilibria = true;
  /// The other direction: h‖J‖ from which on the scheme can have fixed points that are no equilibria of
  /// the field; infinity when it never has.
  double spurious_from = std::numeric_limits<double>::infinity();
};

/// A method that advances by one step of a given size. `step` depends on (X, t, h, u) alone, so that a
/// checkpoint policy may repeat it. One object serves all tiles and threads at once: what a call needs to
/// write to stands in `record` and `scratch`, of the sizes of `footprint`, never in a member. Tiles may be
/// strided. An exception from a step ends the program, but that of a plug-in is caught and becomes a status.
template <class T>
class OneStepMethod {
 public:
  OneStepMethod() = default;
  OneStepMethod(const OneStepMethod&) = delete;
  OneStepMethod& operator=(const OneStepMethod&) = delete;
  virtual ~OneStepMethod() = default;

  [[nodiscard]] virtual Footprint footprint(const ControlledSystem<T>& system) const = 0;

  /// X (n×D) becomes the state at t + h and the integral of ℓ over the step is added to `cost`.
  virtual StepStatus step(const ControlledSystem<T>& system, T t, T h, Tile<T> X, T& cost, T* record,
                          T* scratch) const = 0;

  /// The exact adjoint of `step` as computed: lambda (n×D) holds λ(t + h) and becomes λ(t), with the
  /// contribution μ · ∂cost/∂X included; ū accumulates (n_u entries).
  virtual StepStatus step_pull_back(const ControlledSystem<T>& system, T t, T h, T mu, Tile<T> lambda,
                                    T* ubar, const T* record, T* scratch) const = 0;
};

/// The `index`-th n×D tile of a step's `memory`, for a footprint that counts in n·D.
template <class T>
Tile<T> scratch_tile(const ControlledSystem<T>& system, T* memory, Index index) {
  const Index n = system.state_dimension();
  const Index D = system.columns();
  return {memory + index * n * D, n, D, D};
}

/// Memory that an interval method keeps for one tile between calls.
class IntervalWorkspace {
 public:
  IntervalWorkspace() = default;
  IntervalWorkspace(const IntervalWorkspace&) = delete;
  IntervalWorkspace& operator=(const IntervalWorkspace&) = delete;
  virtual ~IntervalWorkspace() = default;
};

/// Sees the state X (n×D) at the end t of an accepted step.
template <class T>
using StepVisitor = std::function<void(T t, ConstTile<T> X)>;

/// A method that owns its steps inside one control interval. It never integrates across a jump of u. One
/// object serves all tiles and threads at once; what it keeps of a tile stands in that tile's workspace.
/// Tiles may be strided.
template <class T>
class IntervalMethod {
 public:
  IntervalMethod() = default;
  IntervalMethod(const IntervalMethod&) = delete;
  IntervalMethod& operator=(const IntervalMethod&) = delete;
  virtual ~IntervalMethod() = default;

  [[nodiscard]] virtual const IntegratorTraits& traits() const = 0;

  /// For methods that choose their steps: the same method with each tile's steps frozen as its first pass
  /// over an interval chooses them. V of the frozen steps is smooth in u, and its derivative is the discrete
  /// adjoint. Null for methods whose steps do not depend on the state, and for those whose adjoint is
  /// continuous.
  [[nodiscard]] virtual std::unique_ptr<IntervalMethod<T>> with_frozen_steps() const { return nullptr; }
  [[nodiscard]] virtual std::unique_ptr<IntervalWorkspace> make_workspace(
      const ControlledSystem<T>& system) const = 0;

  /// X (n×D) at t_begin becomes the state at t_end, and ∫ℓ dt is added to `cost`. When `tape` is not
  /// null, what `pull_back` needs is appended to it.
  virtual StepStatus advance(const ControlledSystem<T>& system, T t_begin, T t_end, Tile<T> X, T& cost,
                             Tape<T>* tape, IntervalWorkspace& workspace) const = 0;

  /// `advance` without a tape that shows the state after every step, the last time at t_end: what lies
  /// between is interpolated. Methods that do not say where they step show the state at t_end alone.
  virtual StepStatus advance_visiting(const ControlledSystem<T>& system, T t_begin, T t_end, Tile<T> X,
                                      T& cost, IntervalWorkspace& workspace,
                                      const StepVisitor<T>& visit) const {
    const StepStatus status = advance(system, t_begin, t_end, X, cost, nullptr, workspace);
    if (status.ok()) {
      visit(t_end, X);
    }
    return status;
  }

  /// lambda (n×D) holds λ(t_end) and becomes λ(t_begin), with μ · ∂cost/∂X included; ū accumulates.
  /// `steps` is what `advance` appended for this interval.
  virtual StepStatus pull_back(const ControlledSystem<T>& system, T t_begin, T t_end, T mu, Tile<T> lambda,
                               T* ubar, std::span<const TapeStep<T>> steps,
                               IntervalWorkspace& workspace) const = 0;
};

/// What follows a step whose nonlinear solve does not converge.
enum class Recovery {
  none,    ///< the integration ends there
  bisect,  ///< two steps of half the size take its place, once
};

/// Options common to all schemes; which of them a scheme takes is checked when it is made.
struct IntegratorOptions {
  std::optional<Index> substeps;       ///< steps of equal size per control interval; 1 unless set
  std::optional<double> rtol;          ///< relative tolerance of adaptive schemes
  std::optional<double> atol;          ///< absolute tolerance of adaptive schemes
  std::optional<AdjointKind> adjoint;  ///< that of the scheme unless set
  /// What follows a step whose nonlinear solve fails; `bisect` for implicit schemes only.
  Recovery recovery = Recovery::none;
};

/// `method` taking `substeps` ≥ 1 steps of equal size in each interval. Throws InputError for fewer and for
/// no method.
template <class T>
std::unique_ptr<IntervalMethod<T>> make_fixed_steps(IntegratorTraits traits, Index substeps,
                                                    std::unique_ptr<OneStepMethod<T>> method,
                                                    Recovery recovery = Recovery::none);

/// The sub-steps that `options` ask of a scheme that takes nothing but equal steps, 1 unless set. Throws
/// InputError when they are below 1 or another option is set that `traits` do not provide for.
Index equal_substeps(const IntegratorTraits& traits, const IntegratorOptions& options);

struct ButcherTableau;

/// Named integrators, the built-in ones and the user's.
class IntegratorRegistry {
 public:
  template <class T>
  using Factory = std::function<std::unique_ptr<IntervalMethod<T>>(const IntegratorOptions&)>;
  template <class T>
  using OneStepFactory = std::function<std::unique_ptr<OneStepMethod<T>>()>;

  struct Entry {
    IntegratorTraits traits;
    Factory<float> make_float;
    Factory<double> make_double;
  };

  /// Each throws InputError when the name is taken or malformed, the order or the stages below 1, or
  /// spurious_from not above 0, and `add(ButcherTableau)` also when the tableau is inconsistent (row sums,
  /// weights, shape).
  void add(const ButcherTableau& tableau);
  void add(const IntegratorTraits& traits, OneStepFactory<float> make_float,
           OneStepFactory<double> make_double);
  void add(const IntegratorTraits& traits, Factory<float> make_float, Factory<double> make_double);

  /// Throws InputError for an unknown name, with the nearest known one.
  [[nodiscard]] const Entry& find(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> names() const;  ///< in the order of registration

  /// The integrator `name` for scalars T (float or double). Throws InputError as `find` does, and for
  /// options that the scheme does not take or whose values are out of range.
  template <class T>
  [[nodiscard]] std::unique_ptr<IntervalMethod<T>> make(std::string_view name,
                                                        const IntegratorOptions& options) const;

 private:
  std::vector<Entry> entries_;
};

/// A registry with all built-in schemes; their only list stands in integrators/builtin.cpp.
IntegratorRegistry builtin_integrators();

}  // namespace turnpike
