#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "tsadjoint_solver.hpp"

namespace turnpike::bench {

/// TSAdjoint with turnpike's own field and costs, the most that a user of PETSc could do with them: what they
/// leave at a stage is kept from the forward pass, and both pull-backs are one, so that nothing is evaluated
/// twice.
class WithTurnpikesField final : public TrajectoryAdjoint {
 public:
  WithTurnpikesField(const ProblemDefinition<double>& definition, const Dataset<double>& data)
      : TrajectoryAdjoint(definition, data),
        field_(*definition.field),
        cost_(*definition.running),
        scale_(1.0 / static_cast<double>(data.size())),
        targets_(cost_.rows(), data.size()),
        scratch_(static_cast<std::size_t>(field_.scratch_size(data.size()))),
        control_adjoint_(static_cast<std::size_t>(field_.layout().size())) {
    cost_.make_targets(data.labels, tile_of(targets_));
    const auto stages = static_cast<std::size_t>(definition.grid.intervals() * stage_count);
    records_.assign(stages, std::vector<double>(static_cast<std::size_t>(field_.record_size(data.size()))));
    cost_gradients_.assign(stages, State<double>(cost_.rows(), data.size()));
  }

 private:
  void evaluate_field(const Stage& stage, Tile<double> Xdot) override {
    field_.evaluate(stage.u, stage.X, Xdot, record(stage), scratch_.data());
  }

  void pull_back_to_state(const Stage& stage, ConstTile<double> Lambda, Tile<double> Xbar) override {
    std::fill(control_adjoint_.begin(), control_adjoint_.end(), 0.0);
    field_.pull_back(stage.u, record(stage), Lambda, Xbar, control_adjoint_.data(), scratch_.data());
  }

  void pull_back_to_control(const Stage& /*stage*/, ConstTile<double> /*Lambda*/, double* ubar) override {
    std::copy(control_adjoint_.begin(), control_adjoint_.end(), ubar);
  }

  double evaluate_running_cost(const Stage& stage) override {
    return cost_.evaluate(stage.u, stage.X, tile_of(std::as_const(targets_)), scale_,
                          tile_of(cost_gradient(stage)));
  }

  void differentiate_running_cost(const Stage& stage, Tile<double> gradient) override {
    std::fill_n(gradient.data, gradient.rows * gradient.columns, 0.0);
    cost_.add_state_gradient(tile_of(std::as_const(cost_gradient(stage))), 1.0, gradient);
  }

  [[nodiscard]] double* record(const Stage& stage) {
    return records_[static_cast<std::size_t>(stage.number)].data();
  }
  [[nodiscard]] State<double>& cost_gradient(const Stage& stage) {
    return cost_gradients_[static_cast<std::size_t>(stage.number)];
  }

  const VectorField<double>& field_;
  const Cost<double>& cost_;
  double scale_;
  State<double> targets_;
  std::vector<double> scratch_;
  std::vector<double> control_adjoint_;        // ū of the last pull-back
  std::vector<std::vector<double>> records_;   // one a stage
  std::vector<State<double>> cost_gradients_;  // one a stage
};

}  // namespace turnpike::bench
