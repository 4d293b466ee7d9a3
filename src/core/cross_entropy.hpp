#pragma once

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "core/simd_math.hpp"
#include "turnpike/cost.hpp"

namespace turnpike {

/// −Σ q_i log p_i + offset, with p the softmax of the loss components and q the label probabilities in
/// `targets`: the cross-entropy (7) for q one at the label, the soft one (12), (13) for smoothed q and
/// offset Σ q̃ log q̃.
///
/// With m = max_c x_c and s = Σ_c e^{x_c − m}: ℓ = Σ_c q_c (m − x_c) + log s + offset, a sum of
/// nonnegative terms, so that nothing cancels however large x is.
template <class T>
class CrossEntropy final : public Cost<T> {
 public:
  CrossEntropy(std::vector<Index> components, double on_label, double off_label, double offset)
      : components_(std::move(components)),
        on_label_(on_label),
        off_label_(off_label),
        offset_(offset),
        packs_per_logarithm_(std::max(
            1, static_cast<int>(std::log(largest) / std::log(static_cast<double>(components_.size()))))) {}

  [[nodiscard]] Index rows() const override { return static_cast<Index>(components_.size()); }
  [[nodiscard]] std::span<const Index> components() const override { return components_; }

  void make_targets(std::span<const int> labels, Tile<T> targets) const override {
    for (Index c = 0; c < targets.rows; ++c) {
      for (Index d = 0; d < targets.columns; ++d) {
        targets(c, d) = T(labels[static_cast<std::size_t>(d)] == c ? on_label_ : off_label_);
      }
    }
  }

  T evaluate(const T* /*u*/, ConstTile<T> X, ConstTile<T> targets, T scale, Tile<T> gradient) const override {
    using simd::Pack;
    const Index C = rows();
    const Index* const rows_of_X = components_.data();
    Pack<T> linear{};      // Σ_d Σ_c q_c (m − x_c)
    Pack<T> logarithms{};  // Σ_d log s_d, taken of products of several s_d
    Pack<T> product = simd::broadcast<T>(T(1));
    int factors = 0;
    simd::for_each_pack<T>(X.columns, [&](Index d, auto access) {
      const auto x = [&](Index c) { return access.template load<T>(X.data + rows_of_X[c] * X.stride + d); };
      const auto q = [&](Index c) { return access.template load<T>(targets.data + c * targets.stride + d); };
      Pack<T> m = x(0);
      for (Index c = 1; c < C; ++c) {
        m = simd::max<T>(m, x(c));
      }
      Pack<T> s{};
      for (Index c = 0; c < C; ++c) {
        const Pack<T> below = x(c) - m;
        const Pack<T> e = simd::exp<T>(below);
        s = s + e;
        linear = linear - q(c) * below;
        if (gradient.data != nullptr) {
          access.template store<T>(gradient.data + c * gradient.stride + d, e);
        }
      }
      if (gradient.data != nullptr) {
        // One product and one sum: of a·b − c·d a compiler may fuse either product, and copies of this loop
        // would differ in their last bits.
        const Pack<T> inverse = simd::broadcast<T>(T(1)) / s;
        for (Index c = 0; c < C; ++c) {
          T* const g = gradient.data + c * gradient.stride + d;
          access.template store<T>(g, (access.template load<T>(g) * inverse - q(c)) * scale);
        }
      }
      product = product * keep_columns(s, access);
      if (++factors == packs_per_logarithm_) {
        logarithms = logarithms + simd::log<T>(product);
        product = simd::broadcast<T>(T(1));
        factors = 0;
      }
    });
    logarithms = logarithms + simd::log<T>(product);
    return scale * (simd::horizontal_sum<T>(linear) + simd::horizontal_sum<T>(logarithms) +
                    T(static_cast<double>(X.columns) * offset_));
  }

 private:
  /// Products of s ≤ C stay below this, whose logarithm every scalar type represents.
  static constexpr double largest = 1e30;

  static simd::Pack<T> keep_columns(simd::Pack<T> s, simd::Whole /*access*/) { return s; }
  /// 1 in the lanes beyond the last column.
  static simd::Pack<T> keep_columns(simd::Pack<T> s, simd::Part access) {
    if constexpr (simd::width < T >> 1) {
      for (Index lane = access.count; lane < simd::width<T>; ++lane) {
        s[lane] = T(1);
      }
    }
    return s;
  }

  std::vector<Index> components_;
  double on_label_;
  double off_label_;
  double offset_;
  int packs_per_logarithm_;
};

}  // namespace turnpike
