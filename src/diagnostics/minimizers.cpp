#include "turnpike/minimizers.hpp"

#include <cassert>
#include <cmath>
#include <limits>
#include <utility>

#include "turnpike/geometry.hpp"

namespace turnpike {

namespace {

constexpr double unit_roundoff = std::numeric_limits<double>::epsilon() / 2;

class SoftCrossEntropyMinimizers final : public MinimizerSet {
 public:
  SoftCrossEntropyMinimizers(Index classes, double p_d) : geometry_(classes, p_d) {}

  [[nodiscard]] Index components() const override { return geometry_.classes(); }
  void offset(std::span<const double> x, int y, std::span<double> offset) const override {
    geometry_.offset(x, y, offset);
  }
  [[nodiscard]] double loss(std::span<const double> x, int y) const override { return geometry_.loss(x, y); }
  [[nodiscard]] double loss_rounding(double s) const override {
    // Sums of C terms of at most the range of the entries, 2s + |δ|, and logarithms of at most |δ| + log C.
    const auto C = static_cast<double>(geometry_.classes());
    return 4 * (C + 8) * unit_roundoff * (1 + 2 * s + std::abs(geometry_.delta()));
  }
  [[nodiscard]] double bound(double s) const override { return geometry_.sharp_bound(s); }
  [[nodiscard]] double concave_bound(double s) const override { return geometry_.closed_bound(s); }
  [[nodiscard]] std::function<double(double)> tabulated_bound(double largest) const override {
    return SharpBoundTable(geometry_, largest);
  }

 private:
  SoftCrossEntropyGeometry geometry_;
};

class QuadraticMinimizers final : public MinimizerSet {
 public:
  explicit QuadraticMinimizers(State<double> targets) : targets_(std::move(targets)) {}

  [[nodiscard]] Index components() const override { return targets_.rows(); }
  void offset(std::span<const double> x, int y, std::span<double> offset) const override {
    assert(static_cast<Index>(x.size()) == targets_.rows());
    for (std::size_t c = 0; c < x.size(); ++c) {
      offset[c] = x[c] - targets_(static_cast<Index>(c), y);
    }
  }
  [[nodiscard]] double loss(std::span<const double> x, int y) const override {
    double sum = 0;
    for (std::size_t c = 0; c < x.size(); ++c) {
      const double difference = x[c] - targets_(static_cast<Index>(c), y);
      sum += difference * difference;
    }
    return sum;
  }
  [[nodiscard]] double loss_rounding(double s) const override {
    return 4 * static_cast<double>(targets_.rows() + 2) * unit_roundoff * s * s;
  }
  [[nodiscard]] double bound(double s) const override { return s * s; }
  [[nodiscard]] double concave_bound(double s) const override { return s * s; }
  [[nodiscard]] std::function<double(double)> tabulated_bound(double /*largest*/) const override {
    return [](double s) { return s * s; };
  }

 private:
  State<double> targets_;
};

}  // namespace

std::shared_ptr<const MinimizerSet> soft_cross_entropy_minimizers(Index classes, double p_d) {
  return std::make_shared<SoftCrossEntropyMinimizers>(classes, p_d);
}

std::shared_ptr<const MinimizerSet> quadratic_minimizers(State<double> targets) {
  return std::make_shared<QuadraticMinimizers>(std::move(targets));
}

}  // namespace turnpike
