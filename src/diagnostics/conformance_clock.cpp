#include "diagnostics/conformance_clock.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "turnpike/error.hpp"
#include "turnpike/random.hpp"

namespace turnpike::conformance {

namespace {

/// Ẋ = cos(2t) B X + s(t) 1ᵀ with s_i(t) = sin(2t + i), no running cost, no control. A record is cos(2t).
class ClockedSystem final : public ControlledSystem<double> {
 public:
  static constexpr Index n = 3;

  ClockedSystem(std::uint64_t seed, Index columns) : columns_(columns) {
    Random random(seed, RandomPurpose::check, 3);
    std::generate_n(B_.data(), B_.size(), [&] { return random.uniform(-1.5, 1.5); });
  }

  [[nodiscard]] Index state_dimension() const override { return n; }
  [[nodiscard]] Index columns() const override { return columns_; }
  [[nodiscard]] Index control_dimension() const override { return 0; }
  [[nodiscard]] Index record_size() const override { return 1; }

  double evaluate(double t, ConstTile<double> X, Tile<double> Xdot, double* record) const override {
    *record = std::cos(2 * t);
    multiply(*record, B_, X, Xdot);
    for (Index i = 0; i < n; ++i) {
      for (Index d = 0; d < columns_; ++d) {
        Xdot(i, d) += std::sin(2 * t + static_cast<double>(i));
      }
    }
    return 0;
  }
  void pull_back(const double* record, ConstTile<double> Lambda, double /*mu*/, Tile<double> Xbar,
                 double* /*ubar*/) const override {
    apply_transposed(record, Lambda, Xbar);
  }
  void apply(const double* record, ConstTile<double> V, Tile<double> JV) const override {
    multiply(*record, B_, V, JV);
  }
  void apply_transposed(const double* record, ConstTile<double> Lambda,
                        Tile<double> JtLambda) const override {
    multiply(*record, B_.transpose(), Lambda, JtLambda);
  }
  void accumulate_control(const double* /*record*/, ConstTile<double> /*Lambda*/, double /*mu*/,
                          double* /*ubar*/) const override {}
  void cost_gradient(const double* /*record*/, Tile<double> gradient) const override {
    for (Index i = 0; i < n; ++i) {
      std::fill_n(gradient.row(i), columns_, 0.0);
    }
  }

 private:
  using Matrix = Eigen::Matrix<double, n, n>;

  void multiply(double factor, const Matrix& M, ConstTile<double> X, Tile<double> Y) const {
    for (Index i = 0; i < n; ++i) {
      for (Index d = 0; d < columns_; ++d) {
        double sum = 0;
        for (Index j = 0; j < n; ++j) {
          sum += M(i, j) * X(j, d);
        }
        Y(i, d) = factor * sum;
      }
    }
  }

  Index columns_;
  Matrix B_;
};

}  // namespace

std::vector<std::vector<double>> solve_clocked(const ConformanceOptions& options,
                                               const IntervalMethod<double>& method) {
  std::vector<std::vector<double>> states;
  for (int i = 0; i < options.problems; ++i) {
    const std::uint64_t seed = options.seed + static_cast<std::uint64_t>(i);
    const ClockedSystem system(seed, 2);
    State<double> X(ClockedSystem::n, system.columns());
    Random random(seed, RandomPurpose::check, 4);
    std::generate_n(X.data(), X.size(), [&] { return random.uniform(-1, 1); });
    const std::unique_ptr<IntervalWorkspace> workspace = method.make_workspace(system);
    double cost = 0;
    const StepStatus status = method.advance(system, 0.25, 2.0, tile_of(X), cost, nullptr, *workspace);
    if (!status.ok()) {
      throw NumericalError("the integration failed: " + std::string(describe(status.outcome)));
    }
    states.emplace_back(X.data(), X.data() + X.size());
  }
  return states;
}

}  // namespace turnpike::conformance
