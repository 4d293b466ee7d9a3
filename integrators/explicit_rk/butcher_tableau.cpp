#include "turnpike/butcher_tableau.hpp"

#include <fmt/format.h>
#include <cmath>
#include <numeric>

#include "turnpike/error.hpp"

namespace turnpike {

namespace {

constexpr double consistency_tolerance = 1e-14;
/// Stages beyond this have no place in the fixed memory of a linear combination.
constexpr int most_stages = 15;

using Vector = std::vector<double>;

double dot(const Vector& x, const Vector& y) {
  return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
}

/// Entry by entry.
Vector multiply(const Vector& x, const Vector& y) {
  Vector z(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    z[i] = x[i] * y[i];
  }
  return z;
}

Vector multiply(const std::vector<Vector>& A, const Vector& x) {
  Vector z;
  for (const Vector& row : A) {
    z.push_back(dot(row, x));
  }
  return z;
}

}  // namespace

bool ButcherTableau::is_explicit() const {
  for (std::size_t i = 0; i < A.size(); ++i) {
    for (std::size_t j = i; j < A[i].size(); ++j) {
      if (A[i][j] != 0) {
        return false;
      }
    }
  }
  return true;
}

void check_tableau(const ButcherTableau& tableau) {
  const std::size_t s = tableau.b.size();
  if (s < 1 || tableau.stages() > most_stages) {
    throw InputError(
        fmt::format("the tableau '{}' has {} stages; 1 to {} are possible", tableau.name, s, most_stages));
  }
  if (tableau.A.size() != s || tableau.c.size() != s) {
    throw InputError(fmt::format("the tableau '{}' has {} weights b, but {} rows of A and {} nodes c",
                                 tableau.name, s, tableau.A.size(), tableau.c.size()));
  }
  for (std::size_t i = 0; i < s; ++i) {
    if (tableau.A[i].size() != s) {
      throw InputError(fmt::format("row {} of A in the tableau '{}' has {} entries instead of {}", i + 1,
                                   tableau.name, tableau.A[i].size(), s));
    }
    const double sum = std::accumulate(tableau.A[i].begin(), tableau.A[i].end(), 0.0);
    if (!(std::abs(sum - tableau.c[i]) <= consistency_tolerance)) {
      throw InputError(fmt::format("row {} of A in the tableau '{}' sums to {}, but c is {} there", i + 1,
                                   tableau.name, sum, tableau.c[i]));
    }
  }
  const double sum = std::accumulate(tableau.b.begin(), tableau.b.end(), 0.0);
  if (!(std::abs(sum - 1) <= consistency_tolerance)) {
    throw InputError(
        fmt::format("the weights b of the tableau '{}' sum to {} instead of 1", tableau.name, sum));
  }
}

bool satisfies_order_conditions(const ButcherTableau& tableau, int order, double tolerance) {
  const Vector& b = tableau.b;
  const Vector& c = tableau.c;
  const Vector c2 = multiply(c, c);
  const Vector Ac = multiply(tableau.A, c);
  const auto holds = [&](double value, double expected) { return std::abs(value - expected) <= tolerance; };
  bool all = holds(std::accumulate(b.begin(), b.end(), 0.0), 1.0);
  if (order >= 2) {
    all = all && holds(dot(b, c), 1.0 / 2);
  }
  if (order >= 3) {
    all = all && holds(dot(b, c2), 1.0 / 3) && holds(dot(b, Ac), 1.0 / 6);
  }
  if (order >= 4) {
    all = all && holds(dot(b, multiply(c, c2)), 1.0 / 4) && holds(dot(b, multiply(c, Ac)), 1.0 / 8) &&
          holds(dot(b, multiply(tableau.A, c2)), 1.0 / 12) &&
          holds(dot(b, multiply(tableau.A, Ac)), 1.0 / 24);
  }
  return all;
}

}  // namespace turnpike
