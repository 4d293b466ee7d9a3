#include "turnpike/change_bound.hpp"

#include <fmt/format.h>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cassert>
#include <cmath>

#include "turnpike/error.hpp"

namespace turnpike {

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

/// γ_m = m u/(1 − m u): the relative error of m operations in any order (Higham, Accuracy and Stability of
/// Numerical Algorithms, 3.1), with the spacing of numbers for u to be on the safe side.
double rounding(double operations, double spacing) {
  const double error = operations * spacing;
  return error < 0.5 ? error / (1 - error) : infinite;
}

/// The computed activations are within 8 spacings of the exact ones (tests/unit/activation_test.cpp), and
/// those of a user's field within as many as VectorField::form says.
constexpr double activation_spacings = 16;

constexpr std::size_t most_stages = 32;

bool saturates(Activation activation) {
  return activation == Activation::tanh || activation == Activation::softsign;
}

}  // namespace

double spectral_norm_bound(const Eigen::MatrixXd& A) {
  if (!A.allFinite()) {
    return infinite;
  }
  const double largest = A.size() == 0 ? 0.0 : A.cwiseAbs().maxCoeff();
  if (largest == 0) {
    return 0;
  }
  // Scaled, so that no square underflows or overflows; the Gram matrix is of the smaller dimension.
  const Eigen::MatrixXd B = A / largest;
  const bool wide = B.rows() <= B.cols();
  const Eigen::MatrixXd gram = wide ? Eigen::MatrixXd(B * B.transpose()) : Eigen::MatrixXd(B.transpose() * B);
  constexpr double spacing = std::numeric_limits<double>::epsilon();
  const double frobenius = B.squaredNorm() * (1 + rounding(static_cast<double>(B.size()), spacing));
  double square = frobenius;
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gram, Eigen::EigenvaluesOnly);
  if (solver.info() == Eigen::Success) {
    // Products err by γ ‖B‖_F², the backward stable solver by a modest multiple of its dimension.
    const auto inner = static_cast<double>(wide ? B.cols() : B.rows());
    const auto dimension = static_cast<double>(gram.rows());
    const double error = rounding(inner + 64 * dimension + 64, spacing) * frobenius;
    square = std::min(square, std::max(0.0, solver.eigenvalues().maxCoeff()) + error);
  }
  return largest * std::sqrt(square) * (1 + 8 * spacing);
}

template <class T>
ChangeBound::Layer ChangeBound::layer_of(const FieldForm& form, const Control<T>& u, Index k,
                                         const ChangeBoundNetwork& network) {
  constexpr double spacing = std::numeric_limits<T>::epsilon();
  constexpr double tiny = std::numeric_limits<T>::min();
  const double activation = 1 + activation_spacings * spacing;
  const auto matrix_of = [&](const char* name) {
    return Eigen::MatrixXd(u.matrix(name, k).template cast<double>());
  };
  const auto rows_of = [&](const Eigen::MatrixXd& A) {
    Eigen::MatrixXd rows(static_cast<Index>(network.components.size()), A.cols());
    for (Index i = 0; i < rows.rows(); ++i) {
      rows.row(i) = A.row(network.components[static_cast<std::size_t>(i)]);
    }
    return rows;
  };
  // ρ ↦ a bound of the computed ‖σ(A x + b)‖ over ‖x‖ ≤ ρ: an inner product errs by γ |a|ᵀ|x|, hence the
  // vector of them by γ ‖A‖_F ‖x‖.
  const auto growth_of = [&](const Eigen::MatrixXd& A, const Eigen::MatrixXd& b, Activation sigma) {
    const double error = rounding(static_cast<double>(A.cols()) + 2, spacing);
    const double root = std::sqrt(static_cast<double>(A.rows()));
    Growth growth;
    growth.slope = activation * (spectral_norm_bound(A) + error * A.stableNorm() * (1 + 1e-12));
    growth.offset = activation * (1 + error) * b.stableNorm() * (1 + 1e-12) +
                    root * static_cast<double>(A.cols() + 2) * tiny;
    if (saturates(sigma)) {
      growth.most = activation * root;
    }
    return growth;
  };
  Layer layer;
  // As the fixed steps compute it.
  const T length = static_cast<T>(network.grid.node(k + 1)) - static_cast<T>(network.grid.node(k));
  layer.h = static_cast<double>(length / static_cast<T>(static_cast<double>(network.substeps)));
  if (form.hidden) {
    const Eigen::MatrixXd A1 = matrix_of("A1");
    const Eigen::MatrixXd b1 = matrix_of("b1");
    const Eigen::MatrixXd A2 = matrix_of("A2");
    const Eigen::MatrixXd b2 = matrix_of("b2");
    layer.still = b2.isZero(0) && (A2.isZero(0) || (A1.isZero(0) && b1.isZero(0)));
    layer.inner = growth_of(A1, b1, *form.hidden);
    layer.outer = growth_of(A2, b2, form.output);
    layer.components = growth_of(rows_of(A2), rows_of(b2), form.output);
  } else {
    const Eigen::MatrixXd A = matrix_of("A");
    const Eigen::MatrixXd b = matrix_of("b");
    layer.still = A.isZero(0) && b.isZero(0);
    layer.inner = {1, 0, infinite};
    layer.outer = growth_of(A, b, form.output);
    layer.components = growth_of(rows_of(A), rows_of(b), form.output);
  }
  return layer;
}

template <class T>
ChangeBound::ChangeBound(const VectorField<T>& field, const Control<T>& u, const ChangeBoundNetwork& network)
    : substeps_(network.substeps) {
  const FieldForm form = demand_form(field, "a bound of the change");
  if (form.products != ProductPrecision::full) {
    throw InputError(
        "a bound of the change needs a field computed in full precision, and this one's products "
        "are in bf16; make it with ProductPrecision::full");
  }
  if (!network.tableau.is_explicit() || network.substeps < 1) {
    throw InputError(
        fmt::format("a bound of the change needs an explicit tableau and at least 1 step an "
                    "interval, not '{}' with {}",
                    network.tableau.name, network.substeps));
  }
  if (network.grid.intervals() != u.intervals()) {
    throw InputError(fmt::format("the grid has {} intervals and the control {}; give both the same number",
                                 network.grid.intervals(), u.intervals()));
  }
  const std::size_t count = network.tableau.b.size();
  const bool square = network.tableau.A.size() == count &&
                      std::all_of(network.tableau.A.begin(), network.tableau.A.end(),
                                  [count](const std::vector<double>& row) { return row.size() == count; });
  if (count == 0 || count > most_stages || !square) {
    throw InputError(
        fmt::format("the tableau '{}' has {} weights; a bound of the change needs 1 to {} and a "
                    "square A of as many rows",
                    network.tableau.name, count, most_stages));
  }
  const Index n = u.layout().blocks().back().rows;  // of a bias
  if (network.components.empty() || std::any_of(network.components.begin(), network.components.end(),
                                                [n](Index i) { return i < 0 || i >= n; })) {
    throw InputError(fmt::format("a bound of the change needs loss components from 0 to {}", n - 1));
  }
  for (const std::vector<double>& row : network.tableau.A) {
    for (const double a : row) {
      a_.push_back(std::abs(a));
    }
  }
  for (const double b : network.tableau.b) {
    b_.push_back(std::abs(b));
  }
  for (Index k = 0; k < u.intervals(); ++k) {
    layers_.push_back(layer_of(form, u, k, network));
  }
  const auto stages = static_cast<double>(b_.size());
  double terms = stages + 4;
  if (count == 1) {  // x can be a summand of the last product
    terms += static_cast<double>(u.layout().blocks()[u.layout().blocks().size() - 2].columns) + 2;
  }
  rounding_ = rounding(terms, std::numeric_limits<T>::epsilon());
  underflow_ = std::sqrt(static_cast<double>(n)) * terms * static_cast<double>(std::numeric_limits<T>::min());
  step_slack_ = rounding(8 * (stages + 2) * (stages + 2), std::numeric_limits<double>::epsilon());
}

double ChangeBound::after(Index k, double norm) const {
  assert(k >= 0 && k <= layers());
  const std::size_t stages = b_.size();
  double change = 0;
  double size = norm;
  for (auto j = static_cast<std::size_t>(k); j < layers_.size(); ++j) {
    const Layer& layer = layers_[j];
    if (layer.still) {
      continue;
    }
    for (Index step = 0; step < substeps_; ++step) {
      double slopes[most_stages];
      double increment = 0;
      double component_increment = 0;
      for (std::size_t i = 0; i < stages; ++i) {
        double stage = 0;
        for (std::size_t m = 0; m < i; ++m) {
          stage += a_[i * stages + m] * slopes[m];
        }
        if (stage > 0) {
          stage = (1 + rounding_) * layer.h * stage + rounding_ * size + underflow_;
        }
        const double hidden = layer.inner(size + stage);
        slopes[i] = layer.outer(hidden);
        increment += b_[i] * slopes[i];
        component_increment += b_[i] * layer.components(hidden);
      }
      const double rounded = rounding_ * size + underflow_;
      change += (1 + rounding_) * layer.h * component_increment + rounded;
      size += (1 + rounding_) * layer.h * increment + rounded;
      // What this loop has rounded itself.
      change += step_slack_ * change;
      size += step_slack_ * size;
    }
    if (!(size < infinite)) {
      return infinite;
    }
  }
  return change;
}

bool class_is_fixed(std::span<const double> x, double change) {
  if (change == 0) {
    return true;
  }
  double first = -infinite;
  double second = -infinite;
  for (const double value : x) {
    if (value > first) {
      second = first;
      first = value;
    } else {
      second = std::max(second, value);
    }
  }
  constexpr double root_of_two = 1.4142135623730952;  // rounded up
  return first - second > root_of_two * change * (1 + 4 * std::numeric_limits<double>::epsilon());
}

template ChangeBound::ChangeBound(const VectorField<float>&, const Control<float>&,
                                  const ChangeBoundNetwork&);
template ChangeBound::ChangeBound(const VectorField<double>&, const Control<double>&,
                                  const ChangeBoundNetwork&);

}  // namespace turnpike
