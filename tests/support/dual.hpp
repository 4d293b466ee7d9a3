#pragma once

#include <Eigen/Core>
#include <cmath>
#include <limits>

namespace turnpike::test {

/// A dual number v + d ε with ε² = 0: evaluating a computation on dual numbers gives its value and its
/// exact directional derivative, up to rounding.
struct Dual {
  double v = 0;
  double d = 0;

  Dual() = default;
  Dual(double value) : v(value) {}  // NOLINT: numbers are dual numbers with d = 0
  Dual(double value, double derivative) : v(value), d(derivative) {}
  explicit operator double() const { return v; }

  Dual operator-() const { return {-v, -d}; }
  Dual& operator+=(const Dual& y) { return *this = *this + y; }
  Dual& operator-=(const Dual& y) { return *this = *this - y; }
  Dual& operator*=(const Dual& y) { return *this = *this * y; }

  friend Dual operator+(const Dual& x, const Dual& y) { return {x.v + y.v, x.d + y.d}; }
  friend Dual operator-(const Dual& x, const Dual& y) { return {x.v - y.v, x.d - y.d}; }
  friend Dual operator*(const Dual& x, const Dual& y) { return {x.v * y.v, x.d * y.v + x.v * y.d}; }
  friend Dual operator/(const Dual& x, const Dual& y) {
    const double q = x.v / y.v;
    return {q, (x.d - q * y.d) / y.v};
  }
  friend bool operator<(const Dual& x, const Dual& y) { return x.v < y.v; }
  friend bool operator>(const Dual& x, const Dual& y) { return x.v > y.v; }
  friend bool operator<=(const Dual& x, const Dual& y) { return x.v <= y.v; }
  friend bool operator>=(const Dual& x, const Dual& y) { return x.v >= y.v; }
  friend bool operator==(const Dual& x, const Dual& y) { return x.v == y.v; }

  friend Dual exp(const Dual& x) { return {std::exp(x.v), x.d * std::exp(x.v)}; }
  friend Dual log(const Dual& x) { return {std::log(x.v), x.d / x.v}; }
  friend Dual tanh(const Dual& x) {
    const double t = std::tanh(x.v);
    return {t, x.d * (1 - t * t)};
  }
  friend Dual erf(const Dual& x) {
    return {std::erf(x.v), x.d * 1.1283791670955125739 * std::exp(-x.v * x.v)};
  }
  friend bool isfinite(const Dual& x) { return std::isfinite(x.v) && std::isfinite(x.d); }
};

}  // namespace turnpike::test

template <>
struct Eigen::NumTraits<turnpike::test::Dual> : Eigen::NumTraits<double> {
  using Real = turnpike::test::Dual;
  using NonInteger = turnpike::test::Dual;
  using Nested = turnpike::test::Dual;
};
