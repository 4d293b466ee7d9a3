#pragma once

#include <optional>
#include <string>
#include <vector>

#include "turnpike/problem.hpp"

namespace turnpike {

/// A control under one scheme.
struct RefinedRun {
  std::string scheme;        ///< as an entry of a comparison, e.g. "rk4:substeps=4"
  double objective = 0;      ///< V
  double terminal_loss = 0;  ///< mean ℓ_f(x(T)) without γ; of the running cost where there is no terminal one
  double accuracy = 0;
  std::string failure;  ///< a sentence; empty when the rest holds
};

/// `options` of the scheme of `traits`, finer: 2, 4 and 8 times the equal steps, or, under error control, a
/// tenth, a hundredth and a thousandth of the tolerances, of each no less than 1e-12 unless it is less
/// itself; rungs that change nothing any more are left out. An unset rtol gets finer, too, as the larger of
/// both tolerances decides: it is the atol of a scheme that can take equal steps, else 1e-6, and a scheme of
/// the user's is taken to keep to the same rule.
std::vector<IntegratorOptions> finer_options(const IntegratorTraits& traits,
                                             const IntegratorOptions& options);

/// A scheme with its steps or tolerances as an entry of a comparison, e.g. "rk4:substeps=4".
std::string scheme_entry(const std::string& scheme, const IntegratorOptions& options);

/// What becomes of a control when its scheme takes finer steps: nothing, when its trajectories are those of
/// ẋ = F(x, u(t)). See docs/is-my-resnet-an-ode.md.
struct RefinementGap {
  Index samples = 0;              ///< the same of every run
  RefinedRun own;                 ///< the control's own scheme
  std::vector<RefinedRun> finer;  ///< with `finer_options`
  /// cvodes-bdf, for n ≤ 64: at 1e-8 or a thousandth of the own tolerances, whichever is finer, but no finer
  /// than 1e-12. Absent where that would be no finer than the own tolerances.
  std::optional<RefinedRun> converged;
  std::string skipped;  ///< why `finer` lacks rungs; else empty

  /// The finest run that succeeded: `converged`, which is as fine as the last rung or finer, else the last of
  /// `finer`; null without one.
  [[nodiscard]] const RefinedRun* finest() const;

  /// |V − V*| / |V*| with V* of the finest run; absent without one.
  [[nodiscard]] std::optional<double> relative() const;
};

/// How many of `samples` samples a refinement gap is measured on: at most 1,000, fewer of large layers and
/// many steps, so that it takes seconds. `definition` and `options` are the control's own.
Index refinement_samples(const ProblemDefinition<double>& definition, const IntegratorOptions& options,
                         Index samples);

/// Runs `u` on `data` with its own scheme, that of `definition` made with `options`, with finer ones from
/// `integrators`, and converged. A run that fails or a scheme without finer steps is told in a sentence.
RefinementGap refinement_gap(const ProblemDefinition<double>& definition, const IntegratorOptions& options,
                             const Dataset<double>& data, const Control<double>& u,
                             const IntegratorRegistry& integrators);

}  // namespace turnpike
