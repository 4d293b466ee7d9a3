#pragma once

#include <utility>
#include <vector>

#include "core/simd.hpp"
#include "turnpike/cost.hpp"

namespace turnpike {

/// ‖x − x̄_y‖² on the loss components.
template <class T>
class QuadraticCost final : public Cost<T> {
 public:
  /// `class_targets` is rows()×C.
  QuadraticCost(std::vector<Index> components, State<double> class_targets)
      : components_(std::move(components)), class_targets_(std::move(class_targets)) {}

  [[nodiscard]] Index rows() const override { return static_cast<Index>(components_.size()); }
  [[nodiscard]] std::span<const Index> components() const override { return components_; }

  void make_targets(std::span<const int> labels, Tile<T> targets) const override {
    for (Index c = 0; c < targets.rows; ++c) {
      for (Index d = 0; d < targets.columns; ++d) {
        targets(c, d) = T(class_targets_(c, labels[static_cast<std::size_t>(d)]));
      }
    }
  }

  T evaluate(const T* /*u*/, ConstTile<T> X, ConstTile<T> targets, T scale, Tile<T> gradient) const override {
    simd::Pack<T> sum{};
    for (Index c = 0; c < rows(); ++c) {
      const T* const x = X.row(components_[static_cast<std::size_t>(c)]);
      simd::for_each_pack<T>(X.columns, [&](Index d, auto access) {
        const simd::Pack<T> e =
            access.template load<T>(x + d) - access.template load<T>(targets.data + c * targets.stride + d);
        sum = sum + e * e;
        if (gradient.data != nullptr) {
          access.template store<T>(gradient.data + c * gradient.stride + d, (e + e) * scale);
        }
      });
    }
    return scale * simd::horizontal_sum<T>(sum);
  }

 private:
  std::vector<Index> components_;
  State<double> class_targets_;
};

}  // namespace turnpike
