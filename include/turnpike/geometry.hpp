#pragma once

#include <span>
#include <vector>

#include "turnpike/ensemble.hpp"

namespace turnpike {

/// Where the soft cross-entropy with C classes and label probability p_d is least, and how fast it grows away
/// from there (the paper's section 3). Points are given by their C loss components.
///
/// For the label y the minimizers form the line X*_y = {x : x_c = x_y + δ for c ≠ y} with
/// δ = −log((C−1) p_d/(1−p_d)) < 0 and direction 1 (Lemma 3); there the loss is 0.
class SoftCrossEntropyGeometry {
 public:
  /// Throws InputError unless C ≥ 2 and 1/C < p_d < 1.
  SoftCrossEntropyGeometry(Index classes, double p_d);

  [[nodiscard]] Index classes() const { return classes_; }
  [[nodiscard]] double p_d() const { return p_d_; }
  [[nodiscard]] double delta() const { return delta_; }  ///< δ

  /// x̃*_y, the point of X*_y with 1ᵀx = 0: −((C−1)/C) δ at y and δ/C elsewhere. (The paper's −C/(C−1) δ at
  /// y is not in that plane.)
  [[nodiscard]] std::vector<double> minimizer(int y) const;

  /// ℓ̃(x, y) ≥ 0, equations (12) and (13), for C entries x.
  [[nodiscard]] double loss(std::span<const double> x, int y) const;

  /// dist(x, X*_y) = ‖T x − x̃*_y‖₂ with T = I − 11ᵀ/C, for C entries x.
  [[nodiscard]] double distance(std::span<const double> x, int y) const;

  /// A lower bound of λ_Ω, the least eigenvalue of the Hessian orthogonal to 1 over the unit ball around x̃*:
  /// (1−p_d)/(C−1) · e^{−√2} (Lemmas 7 and 8).
  [[nodiscard]] double curvature_bound() const;

  /// A lower bound of the loss at distance s ≥ 0 in closed form: λ s²/2 for s ≤ 1, λ (s − 1/2) beyond, with
  /// λ = curvature_bound() (Lemma 8 with the linear branch that is tangent at s = 1).
  [[nodiscard]] double closed_bound(double s) const;

  /// α*(s), the least loss at distance s ≥ 0: the sharp bound of Lemma 8. At a stationary point of the loss
  /// on the sphere the C − 1 entries off the label take at most two values, so that it is found by a
  /// one-dimensional search for each way to divide them; accurate to about 1e-10 of its value.
  [[nodiscard]] double sharp_bound(double s) const;

 private:
  Index classes_;
  double p_d_;
  double delta_;
};

}  // namespace turnpike
