#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "turnpike/ensemble.hpp"

namespace turnpike {

/// Restarted GMRES (Saad, Iterative Methods for Sparse Linear Systems, 2nd edition, algorithm 6.9) for one
/// linear system a sample, all samples side by side: every inner product is one number a sample, so that a
/// sample's iterates do not depend on the others. A system of I minus a matrix of rank k ends after k + 1
/// iterations, which is how a field with few hidden units and many components is solved in the smaller of the
/// two dimensions.
template <class T>
class BatchedGmres {
 public:
  /// Systems of order N for `columns` samples, in `memory` of size(N, columns) entries.
  BatchedGmres(Index N, Index columns, T* memory)
      : N_(N),
        columns_(columns),
        restart_(restart_of(N)),
        basis_(memory),
        hessenberg_(basis_ + (restart_ + 1) * N * columns),
        cosine_(hessenberg_ + (restart_ + 1) * restart_ * columns),
        sine_(cosine_ + restart_ * columns),
        rhs_(sine_ + restart_ * columns),
        solution_(rhs_ + (restart_ + 1) * columns),
        scale_(solution_ + N * columns),
        before_(scale_ + columns),
        rhs_norm_(before_ + columns),
        operator_norm_(rhs_norm_ + columns) {}

  [[nodiscard]] static Index size(Index N, Index columns) {
    const Index restart = restart_of(N);
    return ((restart + 2) * N + (restart + 1) * restart + 2 * restart + (restart + 1) + 4) * columns;
  }

  /// Solves A_d x_d = b_d from x = 0 until ‖b_d − A_d x_d‖₂ ≤ tolerance (‖b_d‖₂ + ‖A_d‖ ‖x_d‖₂) for every
  /// sample, a small backward error: rounding allows no more where ‖A_d‖ is large. ‖A_d‖ is the largest seen
  /// on the basis. x overwrites b (N rows of `columns`). `apply(v, out)` sets out = A v. Returns whether all
  /// samples got there.
  template <class Apply>
  bool solve(T* b, T tolerance, Apply&& apply) {
    std::fill_n(solution_, N_ * columns_, T(0));
    T* const residual = vector(0);
    std::copy_n(b, N_ * columns_, residual);
    norms(residual, rhs_norm_);
    std::copy_n(rhs_norm_, columns_, scale_);
    std::fill_n(operator_norm_, columns_, T(0));
    bool converged = false;
    for (Index cycle = 0; cycle < most_cycles && !converged; ++cycle) {
      if (cycle > 0) {
        apply(static_cast<const T*>(solution_), residual);
        for (Index i = 0; i < N_ * columns_; ++i) {
          residual[i] = b[i] - residual[i];
        }
        norms(solution_, scale_);
        for (Index d = 0; d < columns_; ++d) {
          scale_[d] = rhs_norm_[d] + operator_norm_[d] * scale_[d];
        }
      }
      converged = run_cycle(tolerance, apply);
    }
    std::copy_n(solution_, N_ * columns_, b);
    return converged;
  }

 private:
  static constexpr Index longest_restart = 40;
  static constexpr Index most_cycles = 12;

  static Index restart_of(Index N) { return std::min<Index>(N, longest_restart); }
  [[nodiscard]] T* vector(Index j) const { return basis_ + j * N_ * columns_; }
  [[nodiscard]] T* row(T* table, Index i) const { return table + i * columns_; }
  [[nodiscard]] T* h(Index i, Index j) const { return hessenberg_ + (i * restart_ + j) * columns_; }

  void norms(const T* v, T* out) const {
    std::fill_n(out, columns_, T(0));
    for (Index i = 0; i < N_; ++i) {
      for (Index d = 0; d < columns_; ++d) {
        out[d] += v[i * columns_ + d] * v[i * columns_ + d];
      }
    }
    for (Index d = 0; d < columns_; ++d) {
      out[d] = std::sqrt(out[d]);
    }
  }

  /// Divides v by its norm, sample by sample; a sample below its threshold becomes zero and takes no more
  /// part.
  void normalize(T* v, T* norm, const T* threshold, T factor) const {
    for (Index d = 0; d < columns_; ++d) {
      norm[d] = norm[d] > factor * threshold[d] ? norm[d] : T(0);
    }
    for (Index i = 0; i < N_; ++i) {
      for (Index d = 0; d < columns_; ++d) {
        v[i * columns_ + d] = norm[d] > T(0) ? v[i * columns_ + d] / norm[d] : T(0);
      }
    }
  }

  /// One cycle from the residual in vector(0); adds to the solution. Whether every residual was small at its
  /// start.
  template <class Apply>
  bool run_cycle(T tolerance, Apply& apply) {
    T* const start = row(rhs_, 0);
    norms(vector(0), start);
    normalize(vector(0), start, scale_, tolerance);
    if (std::all_of(start, start + columns_, [](T norm) { return norm == T(0); })) {
      return true;
    }
    Index count = 0;
    while (count < restart_) {
      extend(count, apply);
      rotate(count);
      ++count;
      if (retire(count, tolerance)) {
        break;
      }
    }
    add_to_solution(count);
    return false;
  }

  /// Arnoldi with modified Gram-Schmidt: column j of the Hessenberg matrix and vector j + 1.
  template <class Apply>
  void extend(Index j, Apply& apply) {
    T* const w = vector(j + 1);
    apply(static_cast<const T*>(vector(j)), w);
    norms(w, before_);
    for (Index d = 0; d < columns_; ++d) {
      operator_norm_[d] = std::max(operator_norm_[d], before_[d]);
    }
    for (Index i = 0; i <= j; ++i) {
      const T* const v = vector(i);
      T* const product = h(i, j);
      std::fill_n(product, columns_, T(0));
      for (Index r = 0; r < N_; ++r) {
        for (Index d = 0; d < columns_; ++d) {
          product[d] += v[r * columns_ + d] * w[r * columns_ + d];
        }
      }
      for (Index r = 0; r < N_; ++r) {
        for (Index d = 0; d < columns_; ++d) {
          w[r * columns_ + d] -= product[d] * v[r * columns_ + d];
        }
      }
    }
    norms(w, h(j + 1, j));
    // What is left after a breakdown is rounding.
    normalize(w, h(j + 1, j), before_, T(4) * std::numeric_limits<T>::epsilon());
  }

  /// Applies the earlier Givens rotations to column j and one more that makes it upper triangular.
  void rotate(Index j) {
    for (Index d = 0; d < columns_; ++d) {
      for (Index i = 0; i < j; ++i) {
        const T c = row(cosine_, i)[d];
        const T s = row(sine_, i)[d];
        const T upper = h(i, j)[d];
        h(i, j)[d] = c * upper + s * h(i + 1, j)[d];
        h(i + 1, j)[d] = c * h(i + 1, j)[d] - s * upper;
      }
      const T a = h(j, j)[d];
      const T b = h(j + 1, j)[d];
      const T length = std::sqrt(a * a + b * b);
      const T c = length > T(0) ? a / length : T(1);
      const T s = length > T(0) ? b / length : T(0);
      row(cosine_, j)[d] = c;
      row(sine_, j)[d] = s;
      h(j, j)[d] = length;
      const T value = row(rhs_, j)[d];
      row(rhs_, j)[d] = c * value;
      row(rhs_, j + 1)[d] = -s * value;
    }
  }

  /// Takes the samples whose residual is small out of the iteration, so that it ends for each by itself;
  /// whether all are.
  bool retire(Index count, T tolerance) {
    bool all = true;
    for (Index d = 0; d < columns_; ++d) {
      const bool small = std::abs(row(rhs_, count)[d]) <= T(0.1) * tolerance * scale_[d];
      all = all && small;
      before_[d] = small ? T(0) : T(1);
    }
    for (Index i = 0; i < N_ && !all; ++i) {
      for (Index d = 0; d < columns_; ++d) {
        vector(count)[i * columns_ + d] *= before_[d];
      }
    }
    return all;
  }

  void add_to_solution(Index count) {
    for (Index j = count - 1; j >= 0; --j) {
      T* const y = row(rhs_, j);
      for (Index k = j + 1; k < count; ++k) {
        for (Index d = 0; d < columns_; ++d) {
          y[d] -= h(j, k)[d] * row(rhs_, k)[d];
        }
      }
      for (Index d = 0; d < columns_; ++d) {
        y[d] = h(j, j)[d] > T(0) ? y[d] / h(j, j)[d] : T(0);
      }
    }
    for (Index j = 0; j < count; ++j) {
      const T* const y = row(rhs_, j);
      const T* const v = vector(j);
      for (Index i = 0; i < N_; ++i) {
        for (Index d = 0; d < columns_; ++d) {
          solution_[i * columns_ + d] += y[d] * v[i * columns_ + d];
        }
      }
    }
  }

  Index N_;
  Index columns_;
  Index restart_;
  T* basis_;       // restart + 1 vectors of N rows
  T* hessenberg_;  // upper triangular after the rotations
  T* cosine_;
  T* sine_;
  T* rhs_;
  T* solution_;
  T* scale_;          // ‖b_d‖ + ‖A_d‖ ‖x_d‖
  T* before_;         // a scratch row
  T* rhs_norm_;       // ‖b_d‖
  T* operator_norm_;  // ‖A_d‖
};

}  // namespace turnpike
