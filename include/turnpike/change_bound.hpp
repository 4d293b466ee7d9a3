#pragma once

#include <limits>
#include <span>
#include <vector>

#include "turnpike/butcher_tableau.hpp"
#include "turnpike/control.hpp"
#include "turnpike/field.hpp"

namespace turnpike {

/// An upper bound of the spectral norm ‖A‖₂, rounding included; infinite when an entry is not finite. It
/// exceeds ‖A‖₂ by at most about 1e-9 of it.
double spectral_norm_bound(const Eigen::MatrixXd& A);

/// The network of which a ChangeBound holds, beside its field and its control.
struct ChangeBoundNetwork {
  TimeGrid grid = TimeGrid::uniform(1, 1.0);
  ButcherTableau tableau;         ///< an explicit one
  Index substeps = 1;             ///< steps of equal size per control interval
  std::vector<Index> components;  ///< the state's loss components
};

/// What the layers after a node can still change, bounded from the control and the size of the state there
/// alone: no trajectory is needed, and the bound holds for every sample of that size.
///
/// Every activation of `Activation` satisfies |σ(z)| ≤ |z|, tanh and softsign also |σ(z)| ≤ 1. Hence for the
/// two-layer field
///
///     ‖F(x, u)‖ ≤ φ(‖x‖),   φ(ρ) = ‖A₂‖ min(‖A₁‖ ρ + ‖b₁‖, √h or ∞) + ‖b₂‖,
///
/// with spectral norms, and for the single-layer field φ(ρ) = min(‖A‖ ρ + ‖b‖, √n or ∞). A step of explicit
/// Euler changes x by at most h φ(‖x‖), one of an explicit Runge-Kutta method by at most h Σ_i |b_i| k_i with
/// k_i = φ(‖x‖ + h Σ_{j<i} |a_ij| k_j). The loss components P x change by at most the same sum with ‖P A₂‖
/// and ‖P b₂‖ in place of ‖A₂‖ and ‖b₂‖. What a computation in T rounds is part of the bound, so that it
/// holds for the states as computed. Where the control makes F vanish, nothing changes, not by a bit.
class ChangeBound {
 public:
  /// `u` is a control of `field`. Throws InputError when the field has no form, the tableau is not explicit
  /// or the grid has another number of intervals than u.
  template <class T>
  ChangeBound(const VectorField<T>& field, const Control<T>& u, const ChangeBoundNetwork& network);

  [[nodiscard]] Index layers() const { return static_cast<Index>(layers_.size()); }  ///< K

  /// An upper bound of ‖P x_K − P x_k‖₂ over all samples with ‖x_k‖₂ ≤ `norm`; 0 for k = K. Infinite where
  /// the norms overflow.
  [[nodiscard]] double after(Index k, double norm) const;

 private:
  /// ρ ↦ min(slope · ρ + offset, most).
  struct Growth {
    double slope = 0;
    double offset = 0;
    double most = std::numeric_limits<double>::infinity();

    [[nodiscard]] double operator()(double size) const {
      const double grown = slope * size + offset;
      return grown < most ? grown : most;
    }
  };
  struct Layer {
    bool still = false;  ///< F = 0 for every x
    double h = 0;        ///< step size
    Growth inner;        ///< ‖x‖ ↦ ‖σ₁(A₁x + b₁)‖; the identity for the single-layer field
    Growth outer;        ///< from there to ‖F‖
    Growth components;   ///< and to ‖P F‖
  };

  template <class T>
  [[nodiscard]] static Layer layer_of(const FieldForm& form, const Control<T>& u, Index k,
                                      const ChangeBoundNetwork& network);

  std::vector<Layer> layers_;
  std::vector<double> a_;  ///< |a_ij|, row by row
  std::vector<double> b_;  ///< |b_i|
  Index substeps_ = 1;
  double rounding_ = 0;    ///< relative error of a sum of all stages in T
  double underflow_ = 0;   ///< absolute error of the same, where numbers are too small for T
  double step_slack_ = 0;  ///< relative rounding of this class's own arithmetic, a step
};

/// Whether no sample's class can change after a node: of loss components `x`, which change by at most
/// `change` in the 2-norm, the largest stays the largest where it leads by more than √2 · change.
bool class_is_fixed(std::span<const double> x, double change);

}  // namespace turnpike
