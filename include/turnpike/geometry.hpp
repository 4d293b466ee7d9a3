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

  /// T x − x̃*_y, of which `distance` is the length, into `offset` (C entries): x minus the nearest point of
  /// X*_y (Lemma 6).
  void offset(std::span<const double> x, int y, std::span<double> offset) const;

  /// λ_Ω, the least eigenvalue of the Hessian orthogonal to 1 over the unit ball around x̃*_y (proof of Lemma
  /// 8), found by a search over the unit directions whose entries off the label take at most two values.
  [[nodiscard]] double curvature() const;

  /// A lower bound of λ_Ω in closed form: (1−p_d)/(C−1) · e^{−√2} (Lemmas 7 and 8).
  [[nodiscard]] double curvature_bound() const;

  /// A lower bound of the loss at distance s ≥ 0 in closed form: λ s²/2 for s ≤ 1, λ (s − 1/2) beyond, with
  /// λ = curvature_bound() (Lemma 8 with the linear branch that is tangent at s = 1).
  [[nodiscard]] double closed_bound(double s) const;

  /// α*(s), the least loss at distance s ≥ 0: the sharp bound of Lemma 8. At a stationary point of the loss
  /// on the sphere the C − 1 entries off the label take at most two values, so that it is found by a
  /// one-dimensional search for each way to divide them; accurate to about 1e-10 of its value where 1 − p_d
  /// is far above the rounding of 1, and never below `closed_bound`.
  [[nodiscard]] double sharp_bound(double s) const;

  /// Where `sharp_bound` takes its value.
  struct SharpMinimum {
    double value = 0;  ///< α*(s)
    double slope = 0;  ///< dα*/ds, the loss's slope away from the minimizer there
    Index split = 0;   ///< how many of the entries off the label are apart from the rest
    double angle = 0;  ///< between the direction and that in which the label's entry rises alone
  };
  [[nodiscard]] SharpMinimum sharp_minimum(double s) const;

  /// The bound of the proof of Lemma 8 with the constants of this loss: λ_Ω s²/2 for s ≤ 1, and from there on
  /// a line of slope m = α*(1): along a ray the loss is convex and 0 at its start, so that from s = 1 on it
  /// rises at least as fast as on its way there. (The paper's line starts at b = λ/2, above the loss.)
  [[nodiscard]] double tangent_bound(double s) const;

 private:
  Index classes_;
  double p_d_;
  double delta_;
};

/// α* from a table, for many distances: cubic Hermite interpolation between exact values and slopes, the
/// search of `sharp_minimum` where the minimum jumps from one direction to another and beyond the table.
class SharpBoundTable {
 public:
  /// For distances up to `largest`, finite and ≥ 0.
  SharpBoundTable(const SoftCrossEntropyGeometry& geometry, double largest);

  /// α*(s) for s ≥ 0, exact for two classes, else to 2e-11 of the larger of α*(s) and 0.1.
  [[nodiscard]] double operator()(double s) const;

 private:
  SoftCrossEntropyGeometry geometry_;
  std::vector<SoftCrossEntropyGeometry::SharpMinimum> nodes_;  // at s = e^{jh} − 1
  std::vector<char> smooth_;                                   // between nodes j and j + 1
};

}  // namespace turnpike
