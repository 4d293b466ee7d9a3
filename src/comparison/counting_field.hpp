#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "turnpike/field.hpp"

namespace turnpike {

/// How often a field was used, a column at a time.
struct FieldCount {
  std::atomic<Index> evaluations = 0;
  std::atomic<Index> products = 0;
};

/// A field that counts what is asked of it.
template <class T>
class CountingField final : public VectorField<T> {
 public:
  CountingField(std::shared_ptr<const VectorField<T>> inner, std::shared_ptr<FieldCount> count)
      : inner_(std::move(inner)), count_(std::move(count)) {}

  [[nodiscard]] Index state_dimension() const override { return inner_->state_dimension(); }
  [[nodiscard]] const ControlLayout& layout() const override { return inner_->layout(); }
  [[nodiscard]] Index record_size(Index columns) const override { return inner_->record_size(columns); }
  [[nodiscard]] Index scratch_size(Index columns) const override { return inner_->scratch_size(columns); }
  [[nodiscard]] std::optional<FieldForm> form() const override { return inner_->form(); }

  void evaluate(const T* u, ConstTile<T> X, Tile<T> Xdot, T* record, T* scratch) const override {
    count_->evaluations += X.columns;
    inner_->evaluate(u, X, Xdot, record, scratch);
  }
  void pull_back(const T* u, const T* record, ConstTile<T> Lambda, Tile<T> Xbar, T* ubar,
                 T* scratch) const override {
    count_->products += Lambda.columns;
    inner_->pull_back(u, record, Lambda, Xbar, ubar, scratch);
  }
  void evaluate_add(const T* u, ConstTile<T> X, T w, Tile<T> sum, Tile<T> work, T* record,
                    T* scratch) const override {
    count_->evaluations += X.columns;
    inner_->evaluate_add(u, X, w, sum, work, record, scratch);
  }
  void pull_back_add(const T* u, const T* record, ConstTile<T> Lambda, Tile<T> sum, Tile<T> work, T* ubar,
                     T* scratch) const override {
    count_->products += Lambda.columns;
    inner_->pull_back_add(u, record, Lambda, sum, work, ubar, scratch);
  }
  void apply(const T* u, const T* record, ConstTile<T> V, Tile<T> JV, T* scratch) const override {
    count_->products += V.columns;
    inner_->apply(u, record, V, JV, scratch);
  }

 private:
  std::shared_ptr<const VectorField<T>> inner_;
  std::shared_ptr<FieldCount> count_;
};

}  // namespace turnpike
