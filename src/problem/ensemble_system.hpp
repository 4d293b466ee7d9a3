#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "core/added_results.hpp"
#include "turnpike/cost.hpp"
#include "turnpike/field.hpp"
#include "turnpike/integrator.hpp"

namespace turnpike {

/// A field, a running cost and one tile's targets, at one control u_k.
///
/// A record is the field's record, then ∂ℓ/∂X on the loss components (rows×D), then, for a cost that
/// depends on the control, X (n×D).
template <class T>
class EnsembleSystem final : public ControlledSystem<T> {
 public:
  /// `running` may be null: then ℓ = 0. Both outlive the system.
  EnsembleSystem(const VectorField<T>& field, const Cost<T>* running, Index columns)
      : field_(field),
        running_(running),
        columns_(columns),
        field_record_(field.record_size(columns)),
        scratch_(static_cast<std::size_t>(field.scratch_size(columns))) {}

  /// What the following calls refer to: the control u_k (n_u entries), the running cost's targets and
  /// the factor of its sum over samples.
  void set_control(const T* u) { u_ = u; }
  void set_targets(ConstTile<T> targets, T scale) {
    targets_ = targets;
    scale_ = scale;
  }

  [[nodiscard]] Index state_dimension() const override { return field_.state_dimension(); }
  [[nodiscard]] Index columns() const override { return columns_; }
  [[nodiscard]] Index control_dimension() const override { return field_.layout().size(); }
  [[nodiscard]] Index record_size() const override {
    Index size = field_record_;
    if (running_ != nullptr) {
      size += running_->rows() * columns_;
      size += running_->depends_on_control() ? state_dimension() * columns_ : 0;
    }
    return size;
  }

  T evaluate(T /*t*/, ConstTile<T> X, Tile<T> Xdot, T* record) const override {
    field_.evaluate(u_, X, Xdot, record, scratch_.data());
    return running_cost(X, record);
  }

  void pull_back(const T* record, ConstTile<T> Lambda, T mu, Tile<T> Xbar, T* ubar) const override {
    field_.pull_back(u_, record, Lambda, Xbar, ubar, scratch_.data());
    add_cost_gradients(record, mu, Xbar, ubar);
  }

  T evaluate_add(T /*t*/, ConstTile<T> X, T w, Tile<T> sum, Tile<T> work, T* record) const override {
    const T running = running_cost(X, record);  // before X can change
    field_.evaluate_add(u_, X, w, sum, work, record, scratch_.data());
    return running;
  }

  void pull_back_add(const T* record, ConstTile<T> Lambda, T mu, Tile<T> sum, Tile<T> work,
                     T* ubar) const override {
    field_.pull_back_add(u_, record, Lambda, sum, work, ubar, scratch_.data());
    add_cost_gradients(record, mu, sum, ubar);
  }

  void apply(const T* record, ConstTile<T> V, Tile<T> JV) const override {
    field_.apply(u_, record, V, JV, scratch_.data());
  }

  void apply_transposed(const T* record, ConstTile<T> Lambda, Tile<T> JtLambda) const override {
    field_.pull_back(u_, record, Lambda, JtLambda, nullptr, scratch_.data());
  }

  void accumulate_control(const T* record, ConstTile<T> Lambda, T mu, T* ubar) const override {
    field_.pull_back(u_, record, Lambda, Tile<T>{}, ubar, scratch_.data());
    if (running_ != nullptr) {
      add_cost_control_gradient(record, mu, ubar);
    }
  }

  void cost_gradient(const T* record, Tile<T> gradient) const override {
    for (Index i = 0; i < gradient.rows; ++i) {
      std::fill_n(gradient.row(i), gradient.columns, T(0));
    }
    if (running_ != nullptr) {
      running_->add_state_gradient(kept_gradient(record), T(1), gradient);
    }
  }

 private:
  /// ℓ(X, u); leaves in the record what its derivatives need.
  T running_cost(ConstTile<T> X, T* record) const {
    if (running_ == nullptr) {
      return T(0);
    }
    if (running_->depends_on_control()) {
      const Tile<T> kept = kept_state(record);
      for (Index i = 0; i < X.rows; ++i) {
        std::copy_n(X.row(i), columns_, kept.row(i));
      }
    }
    return running_->evaluate(u_, X, targets_, scale_, kept_gradient(record));
  }
  /// X̄ += μ ℓ_X, ū += μ ℓ_u.
  void add_cost_gradients(const T* record, T mu, Tile<T> Xbar, T* ubar) const {
    if (running_ != nullptr) {
      running_->add_state_gradient(kept_gradient(record), mu, Xbar);
      add_cost_control_gradient(record, mu, ubar);
    }
  }
  [[nodiscard]] Tile<T> kept_gradient(T* record) const {
    return {record + field_record_, running_->rows(), columns_, columns_};
  }
  [[nodiscard]] ConstTile<T> kept_gradient(const T* record) const {
    return {record + field_record_, running_->rows(), columns_, columns_};
  }
  [[nodiscard]] Tile<T> kept_state(T* record) const {
    return {record + field_record_ + running_->rows() * columns_, state_dimension(), columns_, columns_};
  }
  void add_cost_control_gradient(const T* record, T mu, T* ubar) const {
    if (running_->depends_on_control()) {
      const T* const X = record + field_record_ + running_->rows() * columns_;
      running_->add_control_gradient(u_, {X, state_dimension(), columns_, columns_}, targets_, scale_, mu,
                                     ubar);
    }
  }

  const VectorField<T>& field_;
  const Cost<T>* running_;
  Index columns_;
  Index field_record_;
  const T* u_ = nullptr;
  ConstTile<T> targets_;
  T scale_ = T(1);
  mutable std::vector<T> scratch_;
};

}  // namespace turnpike
