#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <type_traits>

#include "core/solve_count.hpp"
#include "implicit_rk/batched_elimination.hpp"
#include "implicit_rk/batched_gmres.hpp"
#include "turnpike/integrator.hpp"

namespace turnpike {

/// Implicit tableaus have at most this many stages.
inline constexpr Index most_implicit_stages = 4;

/// The m×m coefficients h a_ij by which the coupled stages of one solve act on each other.
template <class T>
using StageCoefficients = std::array<std::array<T, most_implicit_stages>, most_implicit_stages>;

enum class Orientation {
  forward,  ///< Z_i − Σ_j c_ij J_j Z_j = R_i: a Newton step
  adjoint,  ///< Z_i − Σ_j c_ij J_jᵀ Z_j = R_i: the adjoint's stages, with c transposed by the caller
};

/// The linear systems of m coupled stages, J_j = F_X at stage j taken from its record: of order m n and one a
/// sample. Small ones are eliminated, with the samples' Jacobians collected by n applications to unit
/// directions; larger ones go to GMRES.
template <class T>
class StageSystem {
 public:
  /// Systems above order `largest_direct` (≤ largest_elimination) go to GMRES.
  StageSystem(const ControlledSystem<T>& system, Index m, Index largest_direct, T* scratch)
      : system_(system),
        m_(m),
        n_(system.state_dimension()),
        columns_(system.columns()),
        direct_(is_direct(system, m, largest_direct)),
        scratch_(scratch) {}

  /// Entries of scratch.
  [[nodiscard]] static Index scratch_size(const ControlledSystem<T>& system, Index m, Index largest_direct) {
    const Index n = system.state_dimension();
    const Index columns = system.columns();
    if (is_direct(system, m, largest_direct)) {
      return (m * n * n + m * n * m * n + n) * columns;
    }
    return BatchedGmres<T>::size(m * n, columns) + m * n * columns;
  }

  /// Z overwrites R (m n × D, stage after stage, contiguous). `record(j)` is the record of stage j. False
  /// when GMRES does not converge; a singular system leaves entries that are not finite.
  template <class Record>
  bool solve(Orientation orientation, const StageCoefficients<T>& c, Record&& record, T* R) const {
    linear_solves += columns_;
    if (direct_) {
      solve_directly(orientation, c, record, R);
      return true;
    }
    if constexpr (std::is_floating_point_v<T>) {
      BatchedGmres<T> gmres(m_ * n_, columns_, scratch_);
      T* const products = scratch_ + BatchedGmres<T>::size(m_ * n_, columns_);
      const auto apply = [&](const T* v, T* out) {
        for (Index j = 0; j < m_; ++j) {
          const ConstTile<T> vj{v + j * n_ * columns_, n_, columns_, columns_};
          const Tile<T> product{products + j * n_ * columns_, n_, columns_, columns_};
          if (orientation == Orientation::forward) {
            system_.apply(record(j), vj, product);
          } else {
            system_.apply_transposed(record(j), vj, product);
          }
        }
        for (Index i = 0; i < m_; ++i) {
          for (Index e = 0; e < n_ * columns_; ++e) {
            T sum = v[i * n_ * columns_ + e];
            for (Index j = 0; j < m_; ++j) {
              sum -= c[at(i)][at(j)] * products[j * n_ * columns_ + e];
            }
            out[i * n_ * columns_ + e] = sum;
          }
        }
      };
      return gmres.solve(R, 20 * std::numeric_limits<T>::epsilon(), apply);
    }
    return false;
  }

 private:
  static std::size_t at(Index i) { return static_cast<std::size_t>(i); }

  static bool is_direct(const ControlledSystem<T>& system, Index m, Index largest_direct) {
    // Scalars of tests have no GMRES.
    return !std::is_floating_point_v<T> || m * system.state_dimension() <= largest_direct;
  }

  template <class Record>
  void solve_directly(Orientation orientation, const StageCoefficients<T>& c, Record& record, T* R) const {
    const Index block = n_ * columns_;
    T* const J = scratch_;  // column k of J_j: n rows at (j n + k) block
    T* const M = J + m_ * n_ * block;
    T* const unit = M + m_ * n_ * m_ * block;
    std::fill_n(unit, block, T(0));
    for (Index k = 0; k < n_; ++k) {
      std::fill_n(unit + k * columns_, columns_, T(1));
      for (Index j = 0; j < m_; ++j) {
        system_.apply(record(j), ConstTile<T>{unit, n_, columns_, columns_},
                      Tile<T>{J + (j * n_ + k) * block, n_, columns_, columns_});
      }
      std::fill_n(unit + k * columns_, columns_, T(0));
    }
    for (Index i = 0; i < m_; ++i) {
      for (Index j = 0; j < m_; ++j) {
        for (Index p = 0; p < n_; ++p) {
          for (Index q = 0; q < n_; ++q) {
            const Index row = orientation == Orientation::forward ? p : q;
            const Index column = orientation == Orientation::forward ? q : p;
            const T* const entry = J + (j * n_ + column) * block + row * columns_;
            T* const out = M + ((i * n_ + p) * m_ * n_ + j * n_ + q) * columns_;
            const T coefficient = c[at(i)][at(j)];
            const T diagonal = i == j && p == q ? T(1) : T(0);
            for (Index d = 0; d < columns_; ++d) {
              out[d] = diagonal - coefficient * entry[d];
            }
          }
        }
      }
    }
    eliminate(m_ * n_, columns_, M, R);
  }

  const ControlledSystem<T>& system_;
  Index m_;
  Index n_;
  Index columns_;
  bool direct_;
  T* scratch_;
};

}  // namespace turnpike
