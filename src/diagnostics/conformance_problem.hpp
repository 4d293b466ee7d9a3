#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "problem/ensemble_system.hpp"
#include "turnpike/problem.hpp"
#include "turnpike/tape.hpp"

/// The problems that the conformance kit tests a scheme on.
namespace turnpike::conformance {

/// A built-in scheme of high order with so many equal steps that its error is rounding.
template <class T>
std::shared_ptr<const IntervalMethod<T>> reference_method(std::string_view name, Index substeps);

/// A small random problem, the same in float and double.
struct TestProblem {
  bool two_layer = true;
  Activation activation = Activation::tanh;
  Activation outer = Activation::identity;
  Index n = 3;
  Index hidden = 4;
  Index samples = 5;
  TimeGrid grid = TimeGrid({0.0, 0.5, 1.25, 2.0});  ///< the control jumps at the inner nodes
  double control_size = 0.8;                        ///< entries of u are uniform in ±control_size
  double state_size = 1.5;                          ///< entries of X₀ are uniform in ±state_size
  std::uint64_t seed = 1;
  Index tile = 0;  ///< samples a tile, 0 for the problem's own choice
  int threads = 1;

  template <class T>
  [[nodiscard]] std::shared_ptr<const VectorField<T>> field() const;
  template <class T>
  [[nodiscard]] State<T> initial_state() const;
  template <class T>
  [[nodiscard]] Control<T> control() const;
  /// With the soft cross-entropy as running and terminal cost, on two classes.
  template <class T>
  [[nodiscard]] OptimalControlProblem<T> with(std::shared_ptr<const IntervalMethod<T>> method) const;
  template <class T>
  [[nodiscard]] OptimalControlProblem<T> with(std::shared_ptr<const IntervalMethod<T>> method,
                                              const State<T>& X0) const;
};

/// ℓ(x, u) = (1 + ‖u‖²/n_u) x₁² + ½‖u‖²: a running cost whose ∂ℓ/∂u is not zero.
template <class T>
std::shared_ptr<const Cost<T>> make_control_dependent_cost(Index control_dimension);

/// One tile on one control interval, as a problem would run it.
template <class T>
class IntervalRig {
 public:
  struct Advanced {
    State<T> X;
    T cost = T(0);
    StepStatus status;
  };
  struct PulledBack {
    State<T> Xbar;
    std::vector<T> ubar;
    StepStatus status;
  };
  static constexpr double t_begin = 0.75;
  static constexpr double t_end = 1.5;

  /// With the control-dependent cost, or none.
  enum class Running { none, control_dependent };
  IntervalRig(const TestProblem& problem, std::shared_ptr<const IntervalMethod<T>> method, Running running);

  [[nodiscard]] Index control_dimension() const { return field_->layout().size(); }
  /// What the interval makes of X under the control u. With `taped`, `pull_back` at the same u may follow.
  Advanced advance(const State<T>& X, const std::vector<T>& u, bool taped = false);
  /// Every entry of ū starts at `ubar`.
  PulledBack pull_back(const std::vector<T>& u, const State<T>& lambda, T mu, T ubar = T(0));
  /// From now on tiles are wider than their samples by `columns` columns of NaN.
  void pad(Index columns) { padding_ = columns; }
  /// Makes `advance` forget everything that the method keeps.
  void renew() { workspace_ = method_->make_workspace(system_); }

 private:
  std::shared_ptr<const VectorField<T>> field_;
  std::shared_ptr<const Cost<T>> cost_;
  std::shared_ptr<const IntervalMethod<T>> method_;
  State<T> targets_;
  EnsembleSystem<T> system_;
  std::unique_ptr<IntervalWorkspace> workspace_;
  Tape<T> tape_;
  Index padding_ = 0;
};

/// The larger of the two, and NaN for good once there is one.
inline double worse(double worst, double x) { return x <= worst || std::isnan(worst) ? worst : x; }

/// Whether two arrays hold the same bits.
template <class T>
bool same_bits(std::span<const T> a, std::span<const T> b);
template <class T>
bool same_bits(const State<T>& a, const State<T>& b) {
  const std::span<const T> x(a.data(), static_cast<std::size_t>(a.size()));
  const std::span<const T> y(b.data(), static_cast<std::size_t>(b.size()));
  return a.rows() == b.rows() && same_bits(x, y);
}

}  // namespace turnpike::conformance
