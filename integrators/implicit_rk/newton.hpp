#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "implicit_rk/stage_system.hpp"

namespace turnpike {

/// Iterations after convergence: the derivative in a dual number settles after its value.
template <class T>
inline constexpr int lagging_iterations = std::is_floating_point_v<T> ? 0 : 3;

/// Damped Newton for m coupled stages
///
///     S_i = B_i + Σ_j c_ij F(S_j, u),   i = 1, …, m,
///
/// one system a sample: each sample converges, and is damped, by itself, so that its result does not depend
/// on the others. A correction that does not lessen a sample's largest residual is halved (Deuflhard, Newton
/// Methods for Nonlinear Problems, section 3.1). A sample is done when its residual is rounding, or when its
/// correction is so small that quadratic convergence leaves nothing above rounding.
template <class T>
class StageNewton {
 public:
  StageNewton(const ControlledSystem<T>& system, Index m, Index largest_direct, T* scratch)
      : system_(system),
        linear_(system, m, largest_direct, scratch + own_size(system, m)),
        m_(m),
        rows_(m * system.state_dimension()),
        columns_(system.columns()),
        residual_(scratch),
        base_(residual_ + rows_ * columns_),
        correction_(base_ + rows_ * columns_),
        norm_(correction_ + rows_ * columns_),
        rounding_(norm_ + columns_),
        size_(rounding_ + columns_),
        best_(size_ + columns_),
        damping_(best_ + columns_),
        change_(damping_ + columns_),
        state_(change_ + columns_) {}

  /// Entries of scratch.
  [[nodiscard]] static Index scratch_size(const ControlledSystem<T>& system, Index m, Index largest_direct) {
    return own_size(system, m) + StageSystem<T>::scratch_size(system, m, largest_direct);
  }

  /// S (m n × D, stage after stage, contiguous) starts as the guess and ends as the solution; then K (alike),
  /// `cost` (m entries) and the records hold F, ℓ and the linearization there. `time(j)` is stage j's t,
  /// `record(j)` its record. B is m n × D. The status names the sample that failed; its t and h are the
  /// caller's to fill in.
  template <class Time, class Record>
  StepStatus solve(const StageCoefficients<T>& c, const T* B, T* S, T* K, T* cost, Time&& time,
                   Record&& record) const {
    const Index n = rows_ / m_;
    std::fill_n(best_, columns_, T(std::numeric_limits<double>::infinity()));
    std::fill_n(damping_, columns_, T(1));
    std::fill_n(change_, columns_, T(std::numeric_limits<double>::infinity()));
    std::fill_n(state_, columns_, T(trying));
    int extra = lagging_iterations<T>;
    bool finished = false;
    for (int iteration = 0; iteration < most_iterations; ++iteration) {
      for (Index j = 0; j < m_; ++j) {
        cost[j] = system_.evaluate(time(j), {S + j * n * columns_, n, columns_, columns_},
                                   {K + j * n * columns_, n, columns_, columns_}, record(j));
      }
      if (finished && extra-- <= 0) {
        return {};
      }
      measure(c, B, S, K);
      if (finished) {
        std::fill_n(state_, columns_, T(accepted));
      } else {
        const StepStatus judged = judge(iteration);
        if (!judged.ok()) {
          return judged;
        }
        finished = all_done();
        if (finished && extra-- <= 0) {
          return {};
        }
      }
      if (any_accepted() && !correct(c, S, record)) {
        break;
      }
      advance(S);
      finished = finished || all_done();
    }
    return {StepOutcome::not_converged, 0, 0, worst()};
  }

 private:
  // What a sample does next.
  static constexpr double trying = 0;    ///< its last correction, halved
  static constexpr double accepted = 1;  ///< a new correction
  static constexpr double done = 2;      ///< nothing more

  static constexpr int most_iterations = 200;
  static constexpr double least_damping = 1e-9;

  /// Corrections relative to the state below this leave an error below rounding after they are applied.
  static T small_correction() { return T(std::is_same_v<T, float> ? 1e-4 : 1e-9); }
  static T epsilon() {
    return T(static_cast<double>(
        std::numeric_limits<std::conditional_t<std::is_same_v<T, float>, float, double>>::epsilon()));
  }
  static bool finite(const T& x) {
    using std::isfinite;
    return isfinite(x);
  }
  static T absolute(const T& x) { return x < T(0) ? -x : x; }

  static Index own_size(const ControlledSystem<T>& system, Index m) {
    return (3 * m * system.state_dimension() + 7) * system.columns();
  }

  /// R_i = B_i + Σ_j c_ij K_j − S_i; per sample its largest entry, the rounding in it and the size of S.
  void measure(const StageCoefficients<T>& c, const T* B, const T* S, const T* K) const {
    const Index block = rows_ / m_ * columns_;
    std::fill_n(norm_, columns_, T(0));
    std::fill_n(rounding_, columns_, T(0));
    std::fill_n(size_, columns_, T(0));
    for (Index i = 0; i < m_; ++i) {
      const auto& ci = c[static_cast<std::size_t>(i)];
      for (Index e = 0; e < block; e += columns_) {
        const Index row = i * block + e;
        for (Index d = 0; d < columns_; ++d) {
          T sum = B[row + d];
          T size = absolute(sum);
          for (Index j = 0; j < m_; ++j) {
            const T term = ci[static_cast<std::size_t>(j)] * K[j * block + e + d];
            sum += term;
            size += absolute(term);
          }
          const T s = S[row + d];
          const T r = sum - s;
          residual_[row + d] = r;
          // NaN stays: nothing is larger than it.
          norm_[d] = absolute(r) <= norm_[d] || norm_[d] != norm_[d] ? norm_[d] : absolute(r);
          rounding_[d] = std::max(rounding_[d], size + absolute(s));
          size_[d] = std::max(size_[d], absolute(s));
        }
      }
    }
    for (Index d = 0; d < columns_; ++d) {
      rounding_[d] *= epsilon();
    }
  }

  /// Decides for every sample whether its last correction is taken, halved, or the end.
  StepStatus judge(int iteration) const {
    for (Index d = 0; d < columns_; ++d) {
      if (state_[d] == T(done)) {
        continue;
      }
      if (finite(norm_[d]) && (norm_[d] < best_[d] || norm_[d] <= T(100) * rounding_[d])) {
        best_[d] = norm_[d];
        damping_[d] = T(1);
        state_[d] = norm_[d] <= T(2) * rounding_[d] ? T(done) : T(accepted);
        continue;
      }
      if (iteration == 0) {
        return {StepOutcome::not_finite, 0, 0, d};
      }
      if (finite(norm_[d]) && norm_[d] <= T(1000) * rounding_[d] &&
          change_[d] <= T(1000) * small_correction() * size_[d]) {
        state_[d] = T(done);  // the residual has stopped falling at its rounding
        continue;
      }
      damping_[d] = damping_[d] / T(2);
      state_[d] = T(trying);
      if (damping_[d] < T(least_damping)) {
        return {StepOutcome::not_converged, 0, 0, d};
      }
    }
    return {};
  }

  [[nodiscard]] bool all_done() const {
    return std::all_of(state_, state_ + columns_, [](const T& s) { return s == T(done); });
  }
  [[nodiscard]] bool any_accepted() const {
    return std::any_of(state_, state_ + columns_, [](const T& s) { return s == T(accepted); });
  }
  [[nodiscard]] Index worst() const {
    Index column = -1;
    for (Index d = 0; d < columns_; ++d) {
      if (state_[d] != T(done) && (column < 0 || best_[d] > best_[column])) {
        column = d;
      }
    }
    return column;
  }

  /// New corrections from where S is, for the accepted samples.
  template <class Record>
  bool correct(const StageCoefficients<T>& c, const T* S, Record& record) const {
    // The residuals become the corrections. Those of the other samples are not used, and as zeros they keep
    // no iteration going.
    for (Index row = 0; row < rows_; ++row) {
      for (Index d = 0; d < columns_; ++d) {
        T& r = residual_[row * columns_ + d];
        r = state_[d] == T(accepted) ? r : T(0);
      }
    }
    if (!linear_.solve(Orientation::forward, c, record, residual_)) {
      return false;
    }
    for (Index d = 0; d < columns_; ++d) {
      change_[d] = state_[d] == T(accepted) ? T(0) : change_[d];
    }
    for (Index row = 0; row < rows_; ++row) {
      for (Index d = 0; d < columns_; ++d) {
        const Index e = row * columns_ + d;
        const bool take = state_[d] == T(accepted);
        correction_[e] = take ? residual_[e] : correction_[e];
        base_[e] = take ? S[e] : base_[e];
        const T change = absolute(correction_[e]);
        change_[d] = !take || change <= change_[d] || change_[d] != change_[d] ? change_[d] : change;
      }
    }
    return true;
  }

  /// S = base + damping · correction for the samples that are not done; small corrections are the last.
  void advance(T* S) const {
    for (Index row = 0; row < rows_; ++row) {
      for (Index d = 0; d < columns_; ++d) {
        const Index e = row * columns_ + d;
        S[e] = state_[d] == T(done) ? S[e] : base_[e] + damping_[d] * correction_[e];
      }
    }
    for (Index d = 0; d < columns_; ++d) {
      if (state_[d] == T(accepted) && change_[d] <= small_correction() * size_[d]) {
        state_[d] = T(done);
      }
    }
  }

  const ControlledSystem<T>& system_;
  StageSystem<T> linear_;
  Index m_;
  Index rows_;  // m n
  Index columns_;
  T* residual_;
  T* base_;
  T* correction_;
  // One entry a sample.
  T* norm_;
  T* rounding_;
  T* size_;
  T* best_;
  T* damping_;
  T* change_;
  T* state_;
};

}  // namespace turnpike
