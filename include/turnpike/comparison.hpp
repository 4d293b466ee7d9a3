#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "turnpike/experiment.hpp"
#include "turnpike/problem.hpp"
#include "turnpike/trainer.hpp"

/// Schemes side by side on one problem, in double: how far each is from the solution of the differential
/// equation, at what cost, and what becomes of a control that was trained with another one.
namespace turnpike {

/// A scheme of a comparison.
struct ComparedScheme {
  std::string entry;  ///< as the user wrote it, e.g. "rk4:substeps=16"
  RunConfig config;   ///< the experiment's with this scheme
};

/// The schemes of `list`, e.g. "explicit-euler,rk4:substeps=16,dopri5:rtol=1e-8:atol=1e-10", each in `base`.
/// Throws InputError for an entry that is malformed, unknown or refused by its scheme.
std::vector<ComparedScheme> compared_schemes(const RunConfig& base, std::string_view list,
                                             const IntegratorRegistry& integrators);

/// What one value and gradient takes, a sample, whatever the machine.
struct SchemeWork {
  double evaluations = 0;  ///< of F, forward and back
  double products = 0;     ///< with F_X or its transpose, those of Newton's and Krylov's methods among them
  double solves = 0;       ///< linear systems of implicit schemes; not those of a plug-in's own
};

/// V, ∇V and the states of one scheme at one control.
struct SchemeSolution {
  Objective objective;
  std::vector<double> gradient;       ///< K·n_u entries; empty when it was not asked for
  std::vector<State<double>> states;  ///< n×D at the nodes t_0, …, t_K
  double accuracy = 0;                ///< share of the samples whose class is predicted
};

/// How far a solution is from another one.
struct SchemeErrors {
  double state = 0;     ///< root mean square of x − x_ref over nodes, samples and components
  double cost = 0;      ///< |V − V_ref| / |V_ref|
  double gradient = 0;  ///< ‖∇V − ∇V_ref‖₂ / ‖∇V_ref‖₂
};

/// The solution of the differential equation up to rounding, and a second one by another scheme, which tells
/// by its distance what the first is worth.
struct ReferenceSolution {
  std::string scheme;  ///< as an entry
  SchemeSolution solution;
  std::string second_scheme;
  SchemeSolution second;
  SchemeErrors apart;
  /// σ has a kink, where the solution's higher derivatives jump, and both agree in V to less than 1e-12: the
  /// best reference that was reached.
  bool limited_by_kinks = false;
};

/// One scheme beside the reference.
struct SchemeRow {
  std::string entry;
  IntegratorTraits traits;
  SchemeSolution solution;  ///< its status says whether the rest holds
  SchemeErrors errors;
  SchemeWork work;
  double seconds = 0;  ///< one value and gradient, the shortest of several
};

/// One point of a work-precision picture.
struct WorkPrecisionPoint {
  std::string entry;
  double step = 0;  ///< h, or the relative tolerance
  SchemeErrors errors;
  SchemeWork work;
  double seconds = 0;
};

/// One scheme over a ladder of steps or tolerances, from coarse to fine, without those at which it fails.
struct WorkPrecision {
  std::string scheme;
  int order = 1;
  bool tolerance = false;  ///< whether `step` is a tolerance
  std::vector<WorkPrecisionPoint> points;
  /// Observed orders, of schemes with steps: where five points stand clear of rounding.
  std::optional<double> state_order;
  std::optional<double> cost_order;
  std::optional<double> gradient_order;
};

/// Schemes beside a converged reference at one control.
class Comparison {
 public:
  /// Solves for the reference: by fehlberg78 with ever more equal steps until they change nothing but
  /// rounding, beside dopri5 with four times as many, or for stiff fields under the finest error control with
  /// the continuous adjoint, beside cvodes-bdf. `integrators` outlives the comparison. Throws NumericalError
  /// when V still differs by more than 1e-9, of a field with kinks by more than 1e-3.
  Comparison(Experiment<double> experiment, Control<double> u, const IntegratorRegistry& integrators);

  [[nodiscard]] const Experiment<double>& experiment() const { return experiment_; }
  [[nodiscard]] const ReferenceSolution& reference() const { return reference_; }

  /// One value and gradient of `scheme` beside the reference. Where it fails, the status in the row says why.
  [[nodiscard]] SchemeRow measure(const ComparedScheme& scheme) const;
  /// `scheme` over ten tolerances, 1e-2 to 1e-11, when it has one or takes no equal steps; else over numbers
  /// of equal steps, until they reach rounding.
  [[nodiscard]] WorkPrecision work_precision(const ComparedScheme& scheme) const;

 private:
  Experiment<double> experiment_;
  Control<double> u_;
  const IntegratorRegistry& integrators_;
  ReferenceSolution reference_;
};

/// V and accuracy of a trained control under a scheme that may be another than its own.
struct ExchangeCell {
  std::string entry;  ///< the scheme
  double objective = 0;
  double accuracy = 0;
  std::string failure;  ///< a sentence; empty when the rest holds
};

/// A control trained with one scheme.
struct TrainedScheme {
  std::string entry;
  Control<double> control;
  TrainingResult result;
  double seconds = 0;
  std::vector<ExchangeCell> cells;       ///< under each scheme of the comparison
  std::vector<ExchangeCell> refinement;  ///< under its own with finer steps, and converged
};

/// Trains `experiment` with each of `schemes` from the same start for the same number of epochs, and runs
/// each trained control with every scheme. `observe(entry, metrics)` follows each epoch; when `stop` becomes
/// true the rest is left out. Throws InputError for a scheme with which a training is refused.
std::vector<TrainedScheme> train_and_exchange(
    const Experiment<double>& experiment, const std::vector<ComparedScheme>& schemes,
    const IntegratorRegistry& integrators,
    const std::function<void(const std::string&, const EpochMetrics&)>& observe,
    const std::atomic<bool>& stop);

}  // namespace turnpike
