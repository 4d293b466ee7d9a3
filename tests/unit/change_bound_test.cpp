#include "turnpike/change_bound.hpp"

#include <doctest/doctest.h>

#include <Eigen/SVD>
#include <cmath>
#include <limits>
#include <random>

#include "turnpike/error.hpp"
#include "turnpike/field.hpp"

namespace turnpike {
namespace {

using Matrix = Eigen::MatrixXd;
using LongMatrix = Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic>;

long double largest_singular_value(const Matrix& A) {
  return Eigen::JacobiSVD<LongMatrix>(A.cast<long double>()).singularValues()(0);
}

TEST_CASE("the bound of a spectral norm is above it, and by little") {
  std::mt19937 generator(3);
  std::normal_distribution<double> normal;
  for (const auto& [rows, columns] :
       {std::pair<Index, Index>{1, 1}, {2, 8}, {8, 2}, {5, 5}, {3, 40}, {30, 20}}) {
    for (const double size : {1.0, 1e-3, 1e-200, 1e200}) {
      for (int repeat = 0; repeat < 5; ++repeat) {
        Matrix A(rows, columns);
        for (Index i = 0; i < A.size(); ++i) {
          A.data()[i] = size * normal(generator);
        }
        if (repeat == 1) {
          A = A.col(0) * Matrix::Constant(1, columns, 0.7);  // one singular value alone
        }
        CAPTURE(rows);
        CAPTURE(columns);
        CAPTURE(size);
        const auto bound = static_cast<long double>(spectral_norm_bound(A));
        const long double norm = largest_singular_value(A);
        CHECK(bound >= norm);
        CHECK(bound <= norm * (1 + 1e-9L));
      }
    }
  }
  CHECK(spectral_norm_bound(Matrix::Zero(3, 2)) == 0);
  CHECK(spectral_norm_bound(Matrix::Identity(40, 40)) == doctest::Approx(1));
  Matrix A = Matrix::Ones(2, 2);
  A(1, 0) = std::numeric_limits<double>::infinity();
  CHECK(std::isinf(spectral_norm_bound(A)));
  A(1, 0) = std::numeric_limits<double>::quiet_NaN();
  CHECK(std::isinf(spectral_norm_bound(A)));
}

TEST_CASE_TEMPLATE("every activation is at most its argument in size, the saturating ones at most 1", T,
                   float, double) {
  constexpr Index count = 4001;
  State<T> X(1, count);
  for (Index d = 0; d < count; ++d) {
    // From ±1e-6 to ±1e3 on both sides of 0.
    const double size = std::pow(10.0, -6 + 9.0 * static_cast<double>(d / 2) / (count / 2));
    X(0, d) = static_cast<T>(d % 2 == 0 ? size : -size);
  }
  for (const Activation activation : all_activations()) {
    CAPTURE(name_of(activation));
    const auto field = make_single_layer_field<T>(1, activation);
    std::vector<T> record(static_cast<std::size_t>(field->record_size(count)));
    std::vector<T> scratch(static_cast<std::size_t>(field->scratch_size(count)));
    const T u[] = {T(1), T(0)};
    State<T> image(1, count);
    field->evaluate(u, tile_of(std::as_const(X)), tile_of(image), record.data(), scratch.data());
    const auto allowed = 1 + 8 * static_cast<double>(std::numeric_limits<T>::epsilon());
    double most = 0;
    double largest = 0;
    for (Index d = 0; d < count; ++d) {
      const double size = std::abs(static_cast<double>(image(0, d)));
      most = std::max(most, size / std::abs(static_cast<double>(X(0, d))));
      largest = std::max(largest, size);
    }
    CHECK(most <= allowed);
    const bool saturates = activation == Activation::tanh || activation == Activation::softsign;
    CHECK((largest <= allowed) == (saturates));
  }
}

Control<double> scalar_control(double A1, double b1, double A2, double b2, Index intervals) {
  Control<double> u(make_two_layer_field<double>(1, 1, Activation::identity)->layout(), intervals);
  for (Index k = 0; k < intervals; ++k) {
    u.matrix("A1", k)(0, 0) = A1;
    u.matrix("b1", k)(0, 0) = b1;
    u.matrix("A2", k)(0, 0) = A2;
    u.matrix("b2", k)(0, 0) = b2;
  }
  return u;
}

ButcherTableau euler() { return {"explicit-euler", "", 1, {{0}}, {1}, {0}}; }

ChangeBoundNetwork scalar_network(Index intervals, double horizon) {
  ChangeBoundNetwork network;
  network.grid = TimeGrid::uniform(intervals, horizon);
  network.tableau = euler();
  network.components = {0};
  return network;
}

ChangeBound scalar_bound(const Control<double>& u, double horizon, Activation inner) {
  return {*make_two_layer_field<double>(1, 1, inner), u, scalar_network(u.intervals(), horizon)};
}

TEST_CASE("for a scalar field that grows as fast as its norms allow the bound is the change itself") {
  // x⁺ = x + h (A₂ (A₁ x + b₁) + b₂) with all signs alike.
  const Control<double> u = scalar_control(0.5, 0.1, 0.8, 0.2, 3);
  const ChangeBound bound = scalar_bound(u, 1.5, Activation::identity);
  for (Index k = 0; k <= 3; ++k) {
    double x = 1.25;
    for (Index j = k; j < 3; ++j) {
      x += 0.5 * (0.8 * (0.5 * x + 0.1) + 0.2);
    }
    CHECK(bound.after(k, 1.25) >= x - 1.25 - 1e-15);
    CHECK(bound.after(k, 1.25) == doctest::Approx(x - 1.25).epsilon(1e-12));
  }
  CHECK(bound.after(3, 1.25) == 0);
}

TEST_CASE("a saturating activation bounds the change however large the state is") {
  const Control<double> u = scalar_control(1, 0, 0.5, 0, 2);
  CHECK(scalar_bound(u, 2, Activation::tanh).after(0, 1e9) < 1.01);
  CHECK(scalar_bound(u, 2, Activation::relu).after(0, 1e9) > 1e9);
}

TEST_CASE("where the field vanishes for every state nothing is added, not even for rounding") {
  CHECK(scalar_bound(scalar_control(1, 1, 0, 0, 4), 4, Activation::tanh).after(0, 5) == 0);
  CHECK(scalar_bound(scalar_control(0, 0, 1, 0, 4), 4, Activation::tanh).after(0, 5) == 0);
  CHECK(scalar_bound(scalar_control(0, 1, 1, 0, 4), 4, Activation::tanh).after(0, 5) > 0);
  CHECK(scalar_bound(scalar_control(1, 1, 0, 0.1, 4), 4, Activation::tanh).after(0, 5) > 0);
}

TEST_CASE("norms that overflow give an infinite bound, never NaN") {
  const Control<double> u = scalar_control(1e100, 0, 1e100, 0, 5);
  const double change = scalar_bound(u, 5, Activation::identity).after(0, 1);
  CHECK(std::isinf(change));
  CHECK(change > 0);
}

TEST_CASE("implicit tableaus and grids of another length are refused") {
  const Control<double> u = scalar_control(1, 0, 1, 0, 2);
  const auto field = make_two_layer_field<double>(1, 1, Activation::tanh);
  ChangeBoundNetwork network = scalar_network(3, 3);
  CHECK_THROWS_AS(ChangeBound(*field, u, network), InputError);
  network = scalar_network(2, 2);
  network.tableau.A = {{1}};
  network.tableau.c = {1};
  CHECK_THROWS_AS(ChangeBound(*field, u, network), InputError);
}

TEST_CASE("a class is fixed where the largest component leads by more than √2 times the change") {
  const std::vector<double> x = {0.5, 2.0, 1.0};
  CHECK(class_is_fixed(x, 0.7));
  CHECK_FALSE(class_is_fixed(x, 0.71));
  CHECK(class_is_fixed(std::vector<double>{1.0, 1.0}, 0));
  CHECK_FALSE(class_is_fixed(std::vector<double>{1.0, 1.0}, 1e-300));
  CHECK_FALSE(class_is_fixed(x, std::numeric_limits<double>::infinity()));
}

}  // namespace
}  // namespace turnpike
