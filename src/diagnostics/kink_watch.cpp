#include <memory>
#include <utility>

#include "turnpike/gradient_check.hpp"

namespace turnpike {

namespace {

/// Mixes the signs of what it is given into a number.
class Signs {
 public:
  explicit Signs(std::uint64_t& number) : number_(number) {}
  Signs(const Signs&) = delete;
  Signs& operator=(const Signs&) = delete;
  ~Signs() { mix(); }
  void add(double x) {
    word_ = word_ << 1U | (x > 0 ? 1U : 0U);
    if (++bits_ == 64) {
      mix();
    }
  }

 private:
  void mix() {
    number_ = (number_ ^ word_ ^ bits_) * 0x9E3779B97F4A7C15U;
    number_ ^= number_ >> 32U;
    word_ = 0;
    bits_ = 0;
  }
  std::uint64_t& number_;
  std::uint64_t word_ = 0;
  std::uint64_t bits_ = 0;
};

/// A field that keeps account of the sides of σ's kinks on which it is evaluated.
class WatchedField final : public VectorField<double> {
 public:
  /// `hidden` and `output`: whether the activation of that layer has a kink at 0.
  WatchedField(std::shared_ptr<const VectorField<double>> field, bool hidden, bool output,
               std::shared_ptr<std::uint64_t> sides)
      : field_(std::move(field)), hidden_(hidden), output_(output), sides_(std::move(sides)) {}

  [[nodiscard]] Index state_dimension() const override { return field_->state_dimension(); }
  [[nodiscard]] const ControlLayout& layout() const override { return field_->layout(); }
  [[nodiscard]] Index record_size(Index columns) const override { return field_->record_size(columns); }
  [[nodiscard]] Index scratch_size(Index columns) const override { return field_->scratch_size(columns); }
  [[nodiscard]] std::optional<FieldForm> form() const override { return field_->form(); }

  void evaluate(const double* u, ConstTile<double> X, Tile<double> Xdot, double* record,
                double* scratch) const override {
    field_->evaluate(u, X, Xdot, record, scratch);
    Signs signs(*sides_);
    if (hidden_) {
      const ControlBlock& A1 = layout().block("A1");
      const ControlBlock& b1 = layout().block("b1");
      State<double> Z = Eigen::Map<const State<double>>(u + A1.offset, A1.rows, A1.columns) * matrix(X);
      Z.colwise() += Eigen::Map<const Eigen::VectorXd>(u + b1.offset, b1.rows);
      for (Index j = 0; j < Z.rows(); ++j) {
        for (Index d = 0; d < Z.cols(); ++d) {
          signs.add(Z(j, d));
        }
      }
    }
    if (output_) {  // σ keeps the sign, or makes what is not positive 0
      for (Index i = 0; i < Xdot.rows; ++i) {
        for (Index d = 0; d < Xdot.columns; ++d) {
          signs.add(Xdot(i, d));
        }
      }
    }
  }
  void pull_back(const double* u, const double* record, ConstTile<double> Lambda, Tile<double> Xbar,
                 double* ubar, double* scratch) const override {
    field_->pull_back(u, record, Lambda, Xbar, ubar, scratch);
  }
  void apply(const double* u, const double* record, ConstTile<double> V, Tile<double> JV,
             double* scratch) const override {
    field_->apply(u, record, V, JV, scratch);
  }

 private:
  std::shared_ptr<const VectorField<double>> field_;
  bool hidden_;
  bool output_;
  std::shared_ptr<std::uint64_t> sides_;
};

}  // namespace

KinkWatch::KinkWatch(ProblemDefinition<double>& definition) : sides_(std::make_shared<std::uint64_t>(0)) {
  const FieldForm form = demand_form(*definition.field, "a watch over kinks");
  definition.field = std::make_shared<WatchedField>(definition.field, form.hidden && !is_smooth(*form.hidden),
                                                    !is_smooth(form.output), sides_);
  definition.threads = 1;  // the number depends on the order of evaluations
}

std::uint64_t KinkWatch::sides() const { return std::exchange(*sides_, 0); }

}  // namespace turnpike
