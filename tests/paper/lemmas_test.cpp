#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <Eigen/Dense>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "sample_problem.hpp"
#include "turnpike/cost.hpp"
#include "turnpike/geometry.hpp"

/// The paper's lemmas as properties at random points, classes and label probabilities.
namespace turnpike {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

/// A uniform number in [low, high].
double uniform(double low, double high) { return low + (high - low) * *rc::gen::inRange(0, 1000001) * 1e-6; }

struct Point {
  int classes;
  double p_d;
  int y;
  VectorXd x;
};

/// C from 2 to 12, p_d in (1/C, 1), a label, and a state with entries within ±size.
Point random_point(double size) {
  Point p{};
  p.classes = *rc::gen::inRange(2, 13);
  p.p_d = uniform(1.0 / p.classes + 0.01, 0.99);
  p.y = *rc::gen::inRange(0, p.classes);
  p.x.resize(p.classes);
  for (int c = 0; c < p.classes; ++c) {
    p.x(c) = uniform(-size, size);
  }
  return p;
}

VectorXd softmax(const VectorXd& x) {
  const VectorXd e = (x.array() - x.maxCoeff()).exp();
  return e / e.sum();
}

std::span<const double> span_of(const VectorXd& x) { return {x.data(), static_cast<std::size_t>(x.size())}; }

/// The loss that training uses, on one sample.
double library_loss(const Cost<double>& cost, const VectorXd& x, int y) {
  const ConstTile<double> tile{x.data(), x.size(), 1, 1};
  return sample_losses<double>(cost, tile, std::vector<int>{y})[0];
}

VectorXd library_gradient(const Cost<double>& cost, const VectorXd& x, int y) {
  VectorXd targets(cost.rows());
  VectorXd gradient(cost.rows());
  cost.make_targets(std::vector<int>{y}, {targets.data(), cost.rows(), 1, 1});
  (void)cost.evaluate(nullptr, {x.data(), x.size(), 1, 1}, {targets.data(), cost.rows(), 1, 1}, 1.0,
                      {gradient.data(), cost.rows(), 1, 1});
  return gradient;
}

MatrixXd projection(int C) { return MatrixXd::Identity(C, C) - MatrixXd::Constant(C, C, 1.0 / C); }

/// A property that rapidcheck must not falsify.
template <class Property>
void holds(const char* description, Property property) {
  CHECK(rc::check(description, property));
}

TEST_CASE("Lemma 2: the cross-entropy is positive everywhere and has 0 as its infimum only") {
  holds("positive, and smaller further along the label's direction", [] {
    const Point p = random_point(6);
    const auto cost = make_cross_entropy<double>(first_components(p.classes));
    const double here = library_loss(*cost, p.x, p.y);
    RC_ASSERT(here > 0);
    double before = here;
    VectorXd x = p.x;
    for (int step = 0; step < 4; ++step) {
      x(p.y) += 2;
      const double further = library_loss(*cost, x, p.y);
      RC_ASSERT(further > 0);
      RC_ASSERT(further < before);
      before = further;
    }
    RC_ASSERT(library_gradient(*cost, p.x, p.y).norm() > 0);
  });
}

TEST_CASE("(13): the soft cross-entropy is at least 0, and its gradient is p − q̃") {
  holds("nonnegative with gradient p − q̃", [] {
    const Point p = random_point(10);
    const auto cost = make_soft_cross_entropy<double>(first_components(p.classes), p.p_d);
    RC_ASSERT(library_loss(*cost, p.x, p.y) >= -1e-14);
    VectorXd q = VectorXd::Constant(p.classes, (1 - p.p_d) / (p.classes - 1));
    q(p.y) = p.p_d;
    RC_ASSERT((library_gradient(*cost, p.x, p.y) - (softmax(p.x) - q)).norm() <= 1e-13);
    RC_ASSERT(std::abs(library_loss(*cost, p.x, p.y) -
                       SoftCrossEntropyGeometry(p.classes, p.p_d).loss(span_of(p.x), p.y)) <= 1e-12);
  });
}

TEST_CASE("Lemma 3: exactly the line X*_y minimizes, with value 0") {
  holds("value and gradient vanish on the line, and only there", [] {
    const Point p = random_point(4);
    const SoftCrossEntropyGeometry geometry(p.classes, p.p_d);
    const auto cost = make_soft_cross_entropy<double>(first_components(p.classes), p.p_d);
    const std::vector<double> minimizer = geometry.minimizer(p.y);
    VectorXd x = Eigen::Map<const VectorXd>(minimizer.data(), p.classes);
    RC_ASSERT(std::abs(x.sum()) <= 1e-12);
    x.array() += uniform(-50, 50);
    RC_ASSERT(std::abs(library_loss(*cost, x, p.y)) <= 1e-12);
    RC_ASSERT(library_gradient(*cost, x, p.y).norm() <= 1e-13);
    for (int c = 0; c < p.classes; ++c) {
      RC_ASSERT(c == p.y || std::abs(x(c) - x(p.y) - geometry.delta()) <= 1e-12);
    }
    RC_PRE(geometry.distance(span_of(p.x), p.y) > 1e-3);
    RC_ASSERT(library_loss(*cost, p.x, p.y) > 0);
  });
}

TEST_CASE("Lemma 5: subtracting the average changes neither softmax nor loss") {
  holds("invariance under T", [] {
    const Point p = random_point(8);
    const auto cost = make_soft_cross_entropy<double>(first_components(p.classes), p.p_d);
    const VectorXd Tx = projection(p.classes) * p.x;
    RC_ASSERT((softmax(Tx) - softmax(p.x)).norm() <= 1e-14);
    RC_ASSERT(std::abs(library_loss(*cost, Tx, p.y) - library_loss(*cost, p.x, p.y)) <= 1e-12);
  });
}

TEST_CASE("Lemma 6: T keeps the distance to the minimizers, which is that to the nearest of them") {
  holds("distance", [] {
    const Point p = random_point(8);
    const SoftCrossEntropyGeometry geometry(p.classes, p.p_d);
    const VectorXd Tx = projection(p.classes) * p.x;
    const double distance = geometry.distance(span_of(p.x), p.y);
    RC_ASSERT(std::abs(geometry.distance(span_of(Tx), p.y) - distance) <= 1e-12);
    const std::vector<double> minimizer = geometry.minimizer(p.y);
    const VectorXd on_line = Eigen::Map<const VectorXd>(minimizer.data(), p.classes);
    const double nearest = (p.x - on_line).mean();
    const auto along = [&](double a) { return (p.x - on_line - VectorXd::Constant(p.classes, a)).norm(); };
    RC_ASSERT(std::abs(along(nearest) - distance) <= 1e-12);
    RC_ASSERT(along(nearest + 0.1) > distance);
    RC_ASSERT(along(nearest - 0.1) > distance);
  });
}

TEST_CASE("Lemma 7: the Hessian is positive semi-definite with 1 as its only direction of curvature 0") {
  holds("Hessian diag(p) − ppᵀ", [] {
    const Point p = random_point(3);
    const VectorXd s = softmax(p.x);
    const MatrixXd H = MatrixXd(s.asDiagonal()) - s * s.transpose();
    // It is the derivative of the gradient that training uses.
    const auto cost = make_soft_cross_entropy<double>(first_components(p.classes), p.p_d);
    VectorXd d(p.classes);
    for (int c = 0; c < p.classes; ++c) {
      d(c) = uniform(-1, 1);
    }
    const double h = 1e-5;
    const VectorXd difference =
        (library_gradient(*cost, p.x + h * d, p.y) - library_gradient(*cost, p.x - h * d, p.y)) / (2 * h);
    RC_ASSERT((difference - H * d).norm() <= 1e-9);
    const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(H);
    RC_ASSERT(std::abs(solver.eigenvalues()(0)) <= 1e-15);
    RC_ASSERT(solver.eigenvalues()(1) >= s.minCoeff() * (1 - 1e-9));
    RC_ASSERT((H * VectorXd::Ones(p.classes)).norm() <= 1e-15);
  });
}

TEST_CASE("Lemma 8: the loss is at least α*(dist), which is at least the closed bound") {
  holds("lower bounds", [] {
    const Point p = random_point(5);
    const SoftCrossEntropyGeometry geometry(p.classes, p.p_d);
    const double s = geometry.distance(span_of(p.x), p.y);
    const double loss = geometry.loss(span_of(p.x), p.y);
    const double sharp = geometry.sharp_bound(s);
    RC_ASSERT(loss >= sharp * (1 - 1e-9) - 1e-13);
    RC_ASSERT(sharp >= geometry.closed_bound(s) - 1e-13);
    RC_ASSERT(geometry.closed_bound(s) >= 0);
  });
  holds("the bounds grow without limit", [] {
    const int C = *rc::gen::inRange(2, 30);
    const SoftCrossEntropyGeometry geometry(C, uniform(1.0 / C + 0.01, 0.99));
    const double s = uniform(0.01, 30);
    RC_ASSERT(geometry.closed_bound(1.1 * s) > geometry.closed_bound(s));
    RC_ASSERT(geometry.sharp_bound(1.1 * s) > geometry.sharp_bound(s));
    RC_ASSERT(geometry.sharp_bound(s + 1) >= geometry.closed_bound(s + 1));
  });
}

/// A unit vector orthogonal to 1 with independent entries, of which some are set equal at random.
std::vector<double> random_direction(std::size_t C, std::mt19937_64& generator) {
  std::normal_distribution<double> normal;
  std::vector<double> d(C);
  const std::size_t distinct = 2 + generator() % (C - 1);
  for (std::size_t c = 0; c < C; ++c) {
    d[c] = c < distinct ? normal(generator) : d[generator() % distinct];
  }
  double mean = 0;
  for (const double entry : d) {
    mean += entry / static_cast<double>(C);
  }
  double square = 0;
  for (double& entry : d) {
    entry -= mean;
    square += entry * entry;
  }
  for (double& entry : d) {
    entry /= std::sqrt(square);
  }
  return d;
}

TEST_CASE(
    "Lemma 8: α* is at most the loss in 10,000 random directions for any C to 100, at least the closed "
    "bound") {
  std::mt19937_64 generator(8);
  std::uniform_real_distribution<double> unit;
  const std::size_t most = test::sanitized ? 10 : 100;
  for (std::size_t C = 2; C <= most; ++C) {
    const double lowest = 1 / static_cast<double>(C);
    const SoftCrossEntropyGeometry geometry(static_cast<Index>(C),
                                            lowest + (0.999 - lowest) * unit(generator));
    const double s = std::exp(std::log(0.05) + std::log(200) * unit(generator));
    const double sharp = geometry.sharp_bound(s);
    const std::vector<double> minimizer = geometry.minimizer(0);
    double least = std::numeric_limits<double>::infinity();
    for (int i = 0; i < 10000; ++i) {
      std::vector<double> x = random_direction(C, generator);
      for (std::size_t c = 0; c < C; ++c) {
        x[c] = minimizer[c] + s * x[c];
      }
      least = std::min(least, geometry.loss(x, 0));
    }
    CAPTURE(C);
    CHECK(sharp <= least + 1e-13);
    CHECK(sharp >= geometry.closed_bound(s));
    CHECK(geometry.curvature() >= geometry.curvature_bound());
  }
}

TEST_CASE(
    "(10b): the slack is at least −1e-12 for 1,000,000 random pairs by the closed bound, 100,000 by α*") {
  std::mt19937_64 generator(10);
  std::uniform_real_distribution<double> unit;
  std::normal_distribution<double> normal;
  double closed = std::numeric_limits<double>::infinity();
  double sharp = std::numeric_limits<double>::infinity();
  const int kinds = test::sanitized ? 20 : 200;
  for (int kind = 0; kind < kinds; ++kind) {
    const std::size_t C = 2 + generator() % 99;
    const double lowest = 1 / static_cast<double>(C);
    const SoftCrossEntropyGeometry geometry(static_cast<Index>(C),
                                            lowest + (0.999 - lowest) * unit(generator));
    const SharpBoundTable table(geometry, 20);
    std::vector<double> x(C);
    for (int i = 0; i < 5000; ++i) {
      const double size = std::pow(10, -3 + 5 * unit(generator)) / std::sqrt(static_cast<double>(C));
      const int y = static_cast<int>(generator() % C);
      const std::vector<double> minimizer = geometry.minimizer(y);
      for (std::size_t c = 0; c < C; ++c) {
        x[c] = minimizer[c] + size * normal(generator);
      }
      const double s = geometry.distance(x, y);
      const double loss = geometry.loss(x, y);
      closed = std::min(closed, loss - geometry.closed_bound(s));
      if (i % 10 == 0 && s <= 20) {
        sharp = std::min(sharp, loss - table(s));
      }
    }
  }
  CHECK(closed >= -1e-12);
  CHECK(sharp >= -1e-12);
}

TEST_CASE("Lemma 8: the linear branch is tangent to the quadratic one at s = 1") {
  // The branch λ (s − ½) touches λ s²/2 with equal value and slope at s = 1, so it stays below it.
  holds("tangent branch", [] {
    const SoftCrossEntropyGeometry geometry(3, 0.8);
    const double s = uniform(1, 50);
    RC_ASSERT(geometry.closed_bound(s) <= geometry.curvature_bound() * s * s / 2 * (1 + 1e-14));
  });
}

}  // namespace
}  // namespace turnpike
