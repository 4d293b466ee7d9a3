#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "turnpike/builtin_tableaus.hpp"
#include "turnpike/butcher_tableau.hpp"
#include "turnpike/random.hpp"
#include "turnpike/trainer.hpp"

namespace turnpike {
namespace {

/// A problem whose control exceeds the caches, so that its pieces are updated on the way back.
struct LargeRun {
  static constexpr Index n = 300;
  Dataset<float> data;
  std::atomic<bool> stop{false};

  LargeRun() {
    data.features.resize(n, 40);
    Random random(3, RandomPurpose::data);
    for (Index i = 0; i < data.features.size(); ++i) {
      data.features.data()[i] = static_cast<float>(random.uniform(-1.0, 1.0));
    }
    for (int d = 0; d < 40; ++d) {
      data.labels.push_back(d % 3);
    }
    data.classes = {"a", "b", "c"};
  }
  OptimalControlProblem<float> problem(int threads) const {
    ProblemDefinition<float> definition;
    definition.field = make_two_layer_field<float>(n, n, Activation::tanh);
    definition.grid = TimeGrid::uniform(6, 6);
    definition.integrator = builtin_integrators().make<float>("explicit-euler", {});
    definition.running = make_soft_cross_entropy<float>(first_components(3), 0.9);
    definition.terminal = make_soft_cross_entropy<float>(first_components(3), 0.9);
    definition.r = 1e-4;
    definition.threads = threads;
    definition.tile = 16;
    return {definition, data};
  }
  Control<float> start(const OptimalControlProblem<float>& p) const {
    Control<float> u = p.zero_control();
    Random random(4, RandomPurpose::initialization);
    for (float& entry : u.values()) {
      entry = static_cast<float>(random.uniform(-0.05, 0.05));
    }
    return u;
  }
};

TEST_CASE("updates on the way back give the bits of updates after it, on any number of threads") {
  LargeRun run;
  const auto nothing = [](const EpochMetrics&) { return true; };
  for (const OptimizerKind kind : {OptimizerKind::adam, OptimizerKind::adamw, OptimizerKind::sgd}) {
    TrainerOptions options;
    options.optimizer.kind = kind;
    options.optimizer.weight_decay = 1e-3;
    options.epochs = 3;
    options.batch = 20;
    auto problem = run.problem(1);
    REQUIRE(run.start(problem).size() > Index{1} << 20);
    options.clip = 1e30;  // clipping needs the whole gradient first
    Trainer<float> after(problem, run.start(problem), options);
    CHECK(after.run(nothing, run.stop).steps == 6);
    options.clip = 0;
    for (const int threads : {1, 2, 4}) {
      auto threaded = run.problem(threads);
      Trainer<float> on_the_way(threaded, run.start(threaded), options);
      CHECK(on_the_way.run(nothing, run.stop).steps == 6);
      CAPTURE(threads);
      CHECK(std::memcmp(after.control().values().data(), on_the_way.control().values().data(),
                        after.control().values().size_bytes()) == 0);
    }
  }
}

TEST_CASE("after a failure the control is the last one with a finite objective, to the bit") {
  LargeRun run;
  auto problem = run.problem(1);
  TrainerOptions options;
  options.optimizer.kind = OptimizerKind::sgd;
  options.learning_rate = 1e38;  // the first update overflows the states
  options.epochs = 3;
  options.batch = 20;
  Trainer<float> trainer(problem, run.start(problem), options);
  const TrainingResult result = trainer.run([](const EpochMetrics&) { return true; }, run.stop);
  CHECK(result.outcome == TrainingOutcome::not_finite);
  CHECK(result.steps == 1);
  const Control<float> start = run.start(problem);
  CHECK(std::memcmp(start.values().data(), trainer.control().values().data(), start.values().size_bytes()) ==
        0);
}

/// A linear problem of one interval that has a tile for every sample of `data` (n = 2).
OptimalControlProblem<float> one_sample_a_tile(const Dataset<float>& data) {
  ProblemDefinition<float> definition;
  definition.field = make_two_layer_field<float>(2, 3, Activation::identity, Activation::identity);
  definition.grid = TimeGrid::uniform(1, 1.0);
  definition.integrator = builtin_integrators().make<float>("explicit-euler", {});
  definition.terminal = make_soft_cross_entropy<float>(first_components(2), 0.9);
  definition.tile = 1;
  return {definition, data};
}

Control<float> small_control(const OptimalControlProblem<float>& problem) {
  Control<float> start = problem.zero_control();
  for (std::size_t i = 0; i < start.values().size(); ++i) {
    start.values()[i] = 1e-3F * static_cast<float>(i + 1);
  }
  return start;
}

TEST_CASE("the same where tiles before the failing one have been pulled back already") {
  // 20 tiles of one sample, of which only the last overflows after the first step.
  Dataset<float> data;
  data.classes = {"0", "1"};
  data.features = State<float>::Constant(2, 20, 0.1F);
  data.features.col(19).setConstant(1e20F);
  for (int d = 0; d < 20; ++d) {
    data.labels.push_back(d % 2);
  }
  OptimalControlProblem<float> problem = one_sample_a_tile(data);
  REQUIRE_FALSE(problem.fails_before_gradient(20));
  const Control<float> start = small_control(problem);
  TrainerOptions options;
  options.optimizer.kind = OptimizerKind::sgd;
  options.learning_rate = 1;
  options.epochs = 3;
  Trainer<float> trainer(problem, start, options);
  const std::atomic<bool> stop{false};
  const TrainingResult result = trainer.run([](const EpochMetrics&) { return true; }, stop);
  REQUIRE(result.outcome == TrainingOutcome::not_finite);
  REQUIRE(result.steps == 1);
  REQUIRE(result.status.sample == 19);
  CHECK(std::memcmp(start.values().data(), trainer.control().values().data(), start.values().size_bytes()) ==
        0);
}

/// Explicit Euler whose way back fails once `calls` of its steps have been pulled back.
class FailsOnTheWayBack final : public OneStepMethod<float> {
 public:
  explicit FailsOnTheWayBack(int calls)
      : euler_(make_explicit_runge_kutta<float>(*builtin_explicit_tableau("explicit-euler"))),
        calls_(calls) {}
  [[nodiscard]] Footprint footprint(const ControlledSystem<float>& system) const override {
    return euler_->footprint(system);
  }
  StepStatus step(const ControlledSystem<float>& system, float t, float h, Tile<float> X, float& cost,
                  float* record, float* scratch) const override {
    return euler_->step(system, t, h, X, cost, record, scratch);
  }
  StepStatus step_pull_back(const ControlledSystem<float>& system, float t, float h, float mu,
                            Tile<float> lambda, float* ubar, const float* record,
                            float* scratch) const override {
    if (calls_-- == 0) {
      return {StepOutcome::not_converged, t, h, 0};
    }
    return euler_->step_pull_back(system, t, h, mu, lambda, ubar, record, scratch);
  }

 private:
  std::unique_ptr<OneStepMethod<float>> euler_;
  mutable int calls_;
};

/// The controls after every step of a training.
class Steps {
 public:
  TrainingResult run(Trainer<float>& trainer) {
    const std::atomic<bool> stop{false};
    return trainer.run([](const EpochMetrics&) { return true; }, stop,
                       [&](const StepMetrics&) {
                         const std::span<const float> u = trainer.control().values();
                         controls_.emplace_back(u.begin(), u.end());
                       });
  }
  /// Whether `u` is the control after step i, the first being 1.
  [[nodiscard]] bool is_after(std::size_t i, const Control<float>& u) const {
    const std::vector<float>& control = controls_[i - 1];
    return std::equal(control.begin(), control.end(), u.values().begin(), u.values().end());
  }

 private:
  std::vector<std::vector<float>> controls_;
};

TEST_CASE("a gradient that fails after a part of it is complete leaves the control as it is") {
  constexpr Index n = 300;  // two intervals a block on the way back
  constexpr int intervals = 5;
  Dataset<float> data;
  data.classes = {"0", "1"};
  data.features = State<float>::Constant(n, 4, 0.1F);
  data.labels = {0, 1, 0, 1};
  ProblemDefinition<float> definition;
  definition.field = make_single_layer_field<float>(n, Activation::tanh);
  definition.grid = TimeGrid::uniform(intervals, intervals);
  // The second step pulls the last block back and one interval of the next.
  definition.integrator =
      make_fixed_steps<float>({.name = "fails-on-the-way-back", .source = "this test"}, 1,
                              std::make_unique<FailsOnTheWayBack>(intervals + 2), Recovery::none);
  definition.terminal = make_soft_cross_entropy<float>(first_components(2), 0.9);
  OptimalControlProblem<float> problem(definition, data);
  TrainerOptions options;
  options.learning_rate = 1e-3;
  options.epochs = 3;
  Trainer<float> trainer(problem, problem.zero_control(), options);
  Steps steps;
  const TrainingResult result = steps.run(trainer);
  CHECK(result.outcome == TrainingOutcome::not_finite);
  CHECK(result.status.step.outcome == StepOutcome::not_converged);
  REQUIRE(result.steps == 1);
  CHECK(steps.is_after(1, trainer.control()));
}

TEST_CASE("after a failure in a smaller batch the control is the one before the last step") {
  // Batches of 20 tiles and of 10, which fit into one group; the sample that overflows is in the smaller one.
  Dataset<float> data;
  data.classes = {"0", "1"};
  data.features = State<float>::Constant(2, 30, 0.1F);
  for (int d = 0; d < 30; ++d) {
    data.labels.push_back(d % 2);
  }
  TrainerOptions options;
  options.optimizer.kind = OptimizerKind::sgd;
  options.learning_rate = 1;
  options.epochs = 3;
  options.batch = 20;
  std::vector<Index> first_epoch(30);
  std::vector<Index> second_epoch(30);
  Random(options.seed, RandomPurpose::shuffle, 0).permute(first_epoch);
  Random(options.seed, RandomPurpose::shuffle, 1).permute(second_epoch);
  const auto in_second_batch = [](const std::vector<Index>& order, Index sample) {
    return std::find(order.begin() + 20, order.end(), sample) != order.end();
  };
  Index large = 0;
  while (!in_second_batch(first_epoch, large) || !in_second_batch(second_epoch, large)) {
    ++large;
    REQUIRE(large < 30);
  }
  data.features.col(large).setConstant(1e20F);
  OptimalControlProblem<float> problem = one_sample_a_tile(data);
  const Control<float> start = small_control(problem);
  Trainer<float> trainer(problem, start, options);
  Steps steps;
  const TrainingResult result = steps.run(trainer);
  REQUIRE(result.outcome == TrainingOutcome::not_finite);
  REQUIRE(result.steps == 3);
  REQUIRE(result.status.sample == large);
  CHECK(steps.is_after(2, trainer.control()));
}

}  // namespace
}  // namespace turnpike
