#pragma once

#include <functional>
#include <memory>
#include <span>

#include "turnpike/ensemble.hpp"

namespace turnpike {

/// The minimizers X*_y of a loss ℓ(x, y), one closed set a class, on which ℓ = 0, and how fast ℓ grows away
/// from them: ℓ(x, y) ≥ α(dist(x, X*_y)) with α of class K∞. With constant storage that is strict
/// dissipativity (Prop. 9, Cor. 14, Prop. 18). Points are given by their loss components, all in double.
class MinimizerSet {
 public:
  MinimizerSet() = default;
  MinimizerSet(const MinimizerSet&) = delete;
  MinimizerSet& operator=(const MinimizerSet&) = delete;
  virtual ~MinimizerSet() = default;

  [[nodiscard]] virtual Index components() const = 0;

  /// x minus the nearest point of X*_y, into `offset`; its length is the distance. Affine in x.
  virtual void offset(std::span<const double> x, int y, std::span<double> offset) const = 0;

  /// ℓ(x, y), convex in x.
  [[nodiscard]] virtual double loss(std::span<const double> x, int y) const = 0;

  /// What rounding can take away from `loss` at distance s, at most.
  [[nodiscard]] virtual double loss_rounding(double s) const = 0;

  /// α(s) for one sample, s ≥ 0: as large as the search for it finds it.
  [[nodiscard]] virtual double bound(double s) const = 0;

  /// α(s) in closed form with s ↦ α(√s) concave, so that (1/D) Σ ℓ(x_d, y_d) ≥ α(dist(x, X*_y))/D for D
  /// samples stacked.
  [[nodiscard]] virtual double concave_bound(double s) const = 0;

  /// `bound` for many distances up to `largest`.
  [[nodiscard]] virtual std::function<double(double)> tabulated_bound(double largest) const = 0;
};

/// Of the soft cross-entropy: lines (Lemma 3), with α* of Lemma 8. Throws InputError unless C ≥ 2 and
/// 1/C < p_d < 1.
std::shared_ptr<const MinimizerSet> soft_cross_entropy_minimizers(Index classes, double p_d);

/// Of the quadratic cost: its targets, one column a class, with α(s) = s² (Table 1, row 1).
std::shared_ptr<const MinimizerSet> quadratic_minimizers(State<double> targets);

}  // namespace turnpike
