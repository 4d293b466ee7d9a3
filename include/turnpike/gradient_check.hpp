#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "turnpike/problem.hpp"

namespace turnpike {

/// How thoroughly a gradient is compared with differences of the objective, and when it passes.
struct GradientCheckOptions {
  int directions = 4;             ///< random unit directions beside that of the gradient itself
  int coordinates = 40;           ///< single entries, chosen at random (all when there are fewer)
  std::uint64_t seed = 1;         ///< of directions and entries
  double tolerance = 1e-10;       ///< on the relative error, where differences resolve as much
  double coarsest = 1e-5;         ///< resolution of the differences above which nothing passes
  double slope_tolerance = 0.05;  ///< on |slope − 2| of the Taylor remainder; infinite to leave that out
  /// Where σ has kinks: called after an evaluation of V, a number that changes when V passes a kink (see
  /// KinkWatch). Differences that pass one are left out; see GradientCheckReport::undecided.
  std::function<std::uint64_t()> kinks = {};
  std::function<void(int done, int all)> progress = {};  ///< called before each difference, if given
};

struct GradientCheckReport {
  double gradient_norm = 0;     ///< ‖∇V‖₂
  double difference_error = 0;  ///< max |⟨∇V, d⟩ − D₈V(u; d)| over the directions, relative
  double central_error = 0;     ///< the same with second-order central differences at their best step
  double resolution = 0;        ///< the coarsest of the differences' own uncertainties, relative
  double coordinate_error = 0;  ///< max over entries, relative to max(max |∇V|, |V|/1000)
  std::string worst_entry;      ///< its tensor, interval, row and column
  double taylor_slope = 0;      ///< of log |V(u + εd) − V(u) − ε⟨∇V, d⟩| against log ε
  bool slope_measured = false;  ///< false where the remainder drowns in rounding or was not asked for
  int differences = 0;          ///< directions and entries
  int across_kinks = 0;         ///< of them those left out, because at every step size they pass a kink
  bool passed = false;
  /// Whether nothing contradicts the gradient, but more than half of the differences were left out, or all
  /// along directions: then it has not passed either.
  bool undecided = false;

  [[nodiscard]] std::string brief() const;  ///< one line
  [[nodiscard]] std::string full() const;   ///< a line a figure
};

/// `definition` for a gradient check: with the steps of an error-controlled integrator frozen as the first
/// evaluation chooses them. Otherwise differences would see the steps change.
ProblemDefinition<double> with_frozen_steps(ProblemDefinition<double> definition);

/// A field with kinks, watched: a number that stands for the sides of all kinks on which it was evaluated.
class KinkWatch {
 public:
  /// Replaces the field of `definition` by one that is watched, on one thread. Throws InputError unless the
  /// field has a form.
  explicit KinkWatch(ProblemDefinition<double>& definition);

  /// The number since the last call.
  [[nodiscard]] std::uint64_t sides() const;

 private:
  std::shared_ptr<std::uint64_t> sides_;
};

/// Compares a gradient with differences of V at u: eighth-order central differences
/// D₈V = Σ_i c_i (V(u + iεd) − V(u − iεd))/ε with c = (4/5, −1/5, 4/105, −1/280) on a ladder of steps ε, of
/// which that is taken which agrees best with its neighbours. Passes when every error is within the
/// tolerance, or within ten times the resolution of its difference where that is coarser: at random
/// controls they see an error of 1e-10, at trained ones, where V is steep and ∇V small, perhaps 1e-8. Where σ
/// has kinks, differences across one disagree with any gradient, unless `kinks` tells which do.
///
/// `gradient` overrides the problem's own (then it is what is checked). Throws NumericalError when V is not
/// finite at u.
GradientCheckReport check_gradient(
    OptimalControlProblem<double>& problem, const Control<double>& u, const GradientCheckOptions& options,
    const std::function<void(const Control<double>& u, Control<double>& gradient)>& gradient = {});

}  // namespace turnpike
