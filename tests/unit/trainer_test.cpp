#include "turnpike/trainer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "turnpike/builtin_tableaus.hpp"
#include "turnpike/butcher_tableau.hpp"
#include "turnpike/error.hpp"
#include "turnpike/experiment.hpp"
#include "turnpike/random.hpp"

namespace turnpike {
namespace {

/// A two-spirals run that takes milliseconds.
struct SmallRun {
  RunConfig config;
  Experiment<double> experiment;
  std::atomic<bool> stop{false};

  explicit SmallRun(std::int64_t batch = 0) : config(recipe("two-spirals")) {
    config.data.per_class = 30;
    config.control.intervals = 5;
    config.optimizer.epochs = 12;
    config.optimizer.batch = batch;
    experiment = load_experiment(config);
  }

  template <class T>
  OptimalControlProblem<T> problem() const {
    return {make_definition<T>(experiment.config, 2, builtin_integrators()), cast<T>(experiment.train)};
  }
  template <class T>
  Trainer<T> trainer(OptimalControlProblem<T>& p) const {
    return {p, initial_control(experiment.config, p.definition()), trainer_options(experiment.config)};
  }
};

const Trainer<double>::Observer go_on = [](const EpochMetrics&) { return true; };

TEST_CASE_TEMPLATE("a training that was stopped inside an epoch goes on to the same bits", T, float, double) {
  SmallRun run(16);
  auto problem = run.problem<T>();
  const auto nothing = [](const StepMetrics&) {};
  std::vector<EpochMetrics> expected;
  const auto keep = [](std::vector<EpochMetrics>& rows) {
    return [&rows](const EpochMetrics& m) {
      rows.push_back(m);
      return true;
    };
  };
  Trainer<T> whole = run.trainer<T>(problem);
  CHECK(whole.run(keep(expected), run.stop, nothing).outcome == TrainingOutcome::finished);

  std::vector<EpochMetrics> rows;
  Trainer<T> first = run.trainer<T>(problem);
  const TrainingResult stopped =
      first.run(keep(rows), run.stop, [&](const StepMetrics& m) { run.stop = m.step == 22; });
  CHECK(stopped.outcome == TrainingOutcome::interrupted);
  CHECK(stopped.steps == 22);  // four steps an epoch
  CHECK(stopped.epoch == 5);

  Trainer<T> second = run.trainer<T>(problem);
  second.restore(first.state());
  run.stop = false;
  CHECK(second.run(keep(rows), run.stop, nothing).steps == 48);
  CHECK(std::memcmp(whole.control().values().data(), second.control().values().data(),
                    whole.control().values().size_bytes()) == 0);
  REQUIRE(rows.size() == expected.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CHECK(rows[i].objective.total() == expected[i].objective.total());
    CHECK(rows[i].objective.accuracy == expected[i].objective.accuracy);
  }
}

TEST_CASE("an epoch's figures are means over its samples, whatever the batches") {
  SmallRun run(32);  // of 60 samples
  run.experiment.config.optimizer.learning_rate = 1e-30;
  run.experiment.config.optimizer.epochs = 1;
  auto problem = run.problem<double>();
  Trainer<double> trainer = run.trainer<double>(problem);
  const Objective expected = problem.value(trainer.control());
  std::vector<EpochMetrics> rows;
  trainer.run(
      [&](const EpochMetrics& m) {
        rows.push_back(m);
        return true;
      },
      run.stop);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].objective.total() == doctest::Approx(expected.total()).epsilon(1e-12));
  CHECK(rows[0].objective.accuracy == doctest::Approx(expected.accuracy).epsilon(1e-12));
}

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

TEST_CASE_TEMPLATE("a training that was stopped and restored goes on to the same bits", T, float, double) {
  for (const std::int64_t batch : {0, 16}) {
    SmallRun run(batch);
    auto problem = run.problem<T>();
    Trainer<T> whole = run.trainer<T>(problem);
    CHECK(whole.run(go_on, run.stop).outcome == TrainingOutcome::finished);

    Trainer<T> first = run.trainer<T>(problem);
    const TrainingResult stopped = first.run([](const EpochMetrics& m) { return m.epoch < 5; }, run.stop);
    CHECK(stopped.outcome == TrainingOutcome::interrupted);
    CHECK(stopped.epoch == 5);
    const TrainerState<T> state = first.state();

    Trainer<T> second = run.trainer<T>(problem);
    second.restore(state);
    CHECK(second.run(go_on, run.stop).epoch == 12);
    const auto a = whole.control().values();
    const auto b = second.control().values();
    CAPTURE(batch);
    CHECK(std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
  }
}

TEST_CASE("training lowers the objective and reports every epoch") {
  SmallRun run;
  run.experiment.config.optimizer.epochs = 150;
  auto problem = run.problem<double>();
  Trainer<double> trainer = run.trainer<double>(problem);
  std::vector<EpochMetrics> metrics;
  trainer.run(
      [&](const EpochMetrics& m) {
        metrics.push_back(m);
        return true;
      },
      run.stop);
  REQUIRE(metrics.size() == 150);
  CHECK(metrics.front().epoch == 1);
  CHECK(metrics.back().steps == 150);
  CHECK(metrics.back().objective.total() < 0.5 * metrics.front().objective.total());
  CHECK(problem.value(trainer.control()).total() <= metrics.back().objective.total());
  CHECK(trainer.seconds() > 0);
}

TEST_CASE("mini-batches visit every sample once an epoch, in another order each epoch") {
  SmallRun run(16);
  run.experiment.config.optimizer.learning_rate = 1e-30;  // so that a step tells of its samples alone
  run.experiment.config.optimizer.epochs = 2;
  auto problem = run.problem<double>();
  Trainer<double> trainer = run.trainer<double>(problem);
  CHECK(trainer.steps_per_epoch() == 4);
  const double of_all = problem.value(trainer.control()).total();
  std::vector<double> means;
  std::vector<double> steps;
  trainer.run(
      [&](const EpochMetrics& m) {
        means.push_back(m.objective.total());
        return true;
      },
      run.stop, [&](const StepMetrics& m) { steps.push_back(m.objective.total()); });
  REQUIRE(means.size() == 2);
  REQUIRE(steps.size() == 8);
  for (const double mean : means) {
    CHECK(mean == doctest::Approx(of_all).epsilon(1e-12));
  }
  CHECK_FALSE(std::equal(steps.begin(), steps.begin() + 4, steps.begin() + 4));
  const SmallRun full;
  auto full_problem = full.problem<double>();
  CHECK(full.trainer<double>(full_problem).steps_per_epoch() == 1);
}

TEST_CASE("clipping bounds the step that gradient descent takes") {
  SmallRun run;
  run.experiment.config.optimizer.name = "sgd";
  run.experiment.config.optimizer.schedule = "constant";
  run.experiment.config.optimizer.learning_rate = 0.1;
  run.experiment.config.optimizer.clip = 0.01;
  run.experiment.config.optimizer.epochs = 1;
  auto problem = run.problem<double>();
  const Control<double> start = initial_control(run.experiment.config, problem.definition());
  Trainer<double> trainer = run.trainer<double>(problem);
  trainer.run(go_on, run.stop);
  double moved = 0;
  for (std::size_t i = 0; i < start.values().size(); ++i) {
    moved += std::pow(trainer.control().values()[i] - start.values()[i], 2);
  }
  CHECK(std::sqrt(moved) == doctest::Approx(0.1 * 0.01).epsilon(1e-9));
}

TEST_CASE("a loss that is not finite stops the training and keeps the last good control") {
  SmallRun run;
  run.experiment.config.field.activation = "identity";
  run.experiment.config.optimizer.name = "sgd";
  run.experiment.config.optimizer.learning_rate = 1e6;
  run.experiment.config.optimizer.clip = 0;
  auto problem = run.problem<double>();
  Trainer<double> trainer = run.trainer<double>(problem);
  const TrainingResult result = trainer.run(go_on, run.stop);
  CHECK(result.outcome == TrainingOutcome::not_finite);
  CHECK(result.epoch < 12);
  CHECK(result.message.find("epoch") != std::string::npos);
  CHECK(result.message.find("layer") != std::string::npos);
  CHECK(std::isfinite(problem.value(trainer.control()).total()));
}

TEST_CASE("the L-BFGS finish lowers the objective further") {
  SmallRun run;
  run.experiment.config.optimizer.epochs = 60;
  auto problem = run.problem<double>();
  Trainer<double> without = run.trainer<double>(problem);
  without.run(go_on, run.stop);
  run.experiment.config.optimizer.finish = "lbfgs";
  run.experiment.config.optimizer.finish_iterations = 60;
  Trainer<double> with = run.trainer<double>(problem);
  with.run(go_on, run.stop);
  CHECK(problem.value(with.control()).total() < problem.value(without.control()).total());
}

TEST_CASE("a stop that was asked for before the start trains nothing") {
  SmallRun run;
  auto problem = run.problem<double>();
  Trainer<double> trainer = run.trainer<double>(problem);
  run.stop = true;
  const TrainingResult result = trainer.run(go_on, run.stop);
  CHECK(result.outcome == TrainingOutcome::interrupted);
  CHECK(result.epoch == 0);
}

TEST_CASE("a checkpoint of another problem is refused") {
  const SmallRun run;
  auto problem = run.problem<double>();
  Trainer<double> trainer = run.trainer<double>(problem);
  TrainerState<double> state = trainer.state();
  state.control.pop_back();
  CHECK_THROWS_AS(trainer.restore(state), InputError);
}

}  // namespace
}  // namespace turnpike
