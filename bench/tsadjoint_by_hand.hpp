#pragma once

#include <Eigen/Core>
#include <cmath>

#include "tsadjoint_solver.hpp"

namespace turnpike::bench {

/// TSAdjoint as one would write it by hand for two spirals, without turnpike's field and running cost: sample
/// by sample, sizes known to the compiler, each product re-evaluating the field at the stage's state.
///
///     F(x, u) = A₂ tanh(A₁ x + b₁) + b₂,    ℓ(x) = Σ_c q_c (log q_c − x_c) + log Σ_c e^{x_c}.
///
/// Only the label probabilities q, made once, come from turnpike's cost.
class ByHand final : public TrajectoryAdjoint {
 public:
  ByHand(const ProblemDefinition<double>& definition, const Dataset<double>& data)
      : TrajectoryAdjoint(definition, data), q_(n, data.size()) {
    definition.running->make_targets(data.labels, tile_of(q_));
    negative_entropy_ = (q_.array() * q_.array().log()).sum();
  }

 private:
  static constexpr int n = 2;
  static constexpr int h = 8;
  using Point = Eigen::Vector<double, n>;
  using Hidden = Eigen::Vector<double, h>;
  using Inner = Eigen::Matrix<double, h, n, Eigen::RowMajor>;
  using Outer = Eigen::Matrix<double, n, h, Eigen::RowMajor>;

  struct Layers {
    explicit Layers(const double* u)
        : A1(Eigen::Map<const Inner>(u)),
          b1(Eigen::Map<const Hidden>(u + h * n)),
          A2(Eigen::Map<const Outer>(u + h * n + h)),
          b2(Eigen::Map<const Point>(u + h * n + h + n * h)) {}

    /// a = tanh(A₁ x + b₁).
    [[nodiscard]] Hidden hidden(const Point& x) const {
      return (A1 * x + b1).unaryExpr([](double z) { return std::tanh(z); });
    }
    /// δ = (1 − a²) ∘ A₂ᵀ λ.
    [[nodiscard]] Hidden pull_back(const Hidden& a, const Point& lambda) const {
      return (1 - a.array().square()) * (A2.transpose() * lambda).array();
    }

    Inner A1;
    Hidden b1;
    Outer A2;
    Point b2;
  };

  void evaluate_field(const Stage& stage, Tile<double> Xdot) override {
    const Layers layers(stage.u);
    for (Index d = 0; d < stage.X.columns; ++d) {
      matrix(Xdot).col(d) = layers.A2 * layers.hidden(matrix(stage.X).col(d)) + layers.b2;
    }
  }

  void pull_back_to_state(const Stage& stage, ConstTile<double> Lambda, Tile<double> Xbar) override {
    const Layers layers(stage.u);
    for (Index d = 0; d < stage.X.columns; ++d) {
      const Hidden a = layers.hidden(matrix(stage.X).col(d));
      matrix(Xbar).col(d) = layers.A1.transpose() * layers.pull_back(a, matrix(Lambda).col(d));
    }
  }

  void pull_back_to_control(const Stage& stage, ConstTile<double> Lambda, double* ubar) override {
    const Layers layers(stage.u);
    Inner A1bar = Inner::Zero();
    Hidden b1bar = Hidden::Zero();
    Outer A2bar = Outer::Zero();
    Point b2bar = Point::Zero();
    for (Index d = 0; d < stage.X.columns; ++d) {
      const Point x = matrix(stage.X).col(d);
      const Point lambda = matrix(Lambda).col(d);
      const Hidden a = layers.hidden(x);
      const Hidden delta = layers.pull_back(a, lambda);
      A1bar += delta * x.transpose();
      b1bar += delta;
      A2bar += lambda * a.transpose();
      b2bar += lambda;
    }
    Eigen::Map<Inner>{ubar} = A1bar;
    Eigen::Map<Hidden>{ubar + h* n} = b1bar;
    Eigen::Map<Outer>{ubar + h* n + h} = A2bar;
    Eigen::Map<Point>{ubar + h* n + h + n* h} = b2bar;
  }

  double evaluate_running_cost(const Stage& stage) override {
    double sum = negative_entropy_;
    for (Index d = 0; d < stage.X.columns; ++d) {
      const Point x = matrix(stage.X).col(d);
      const double m = x.maxCoeff();
      sum += m + std::log((x.array() - m).exp().sum()) - q_.col(d).dot(x);
    }
    return sum / static_cast<double>(stage.X.columns);
  }

  /// (p − q)/D with p the softmax of x.
  void differentiate_running_cost(const Stage& stage, Tile<double> gradient) override {
    for (Index d = 0; d < stage.X.columns; ++d) {
      const Point x = matrix(stage.X).col(d);
      const Point e = (x.array() - x.maxCoeff()).exp();
      matrix(gradient).col(d) = (e / e.sum() - q_.col(d)) / static_cast<double>(stage.X.columns);
    }
  }

  State<double> q_;
  double negative_entropy_;  // Σ_d Σ_c q_c log q_c
};

}  // namespace turnpike::bench
