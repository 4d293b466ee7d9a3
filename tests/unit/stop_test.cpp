#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "turnpike/builtin_tableaus.hpp"
#include "turnpike/exact_tail.hpp"
#include "turnpike/random.hpp"
#include "turnpike/trainer.hpp"

namespace turnpike {
namespace {

/// Asks to stop at a given call of a field, forward or back.
struct Countdown {
  std::atomic<long> left{0};
  std::atomic<bool> stop{false};

  void begin(long calls) {
    left = calls;
    stop = false;
  }
  void pass() {
    if (--left == 0) {
      stop = true;
    }
  }
};

class CountedField final : public VectorField<float> {
 public:
  CountedField(std::shared_ptr<const VectorField<float>> field, Countdown& countdown)
      : field_(std::move(field)), countdown_(countdown) {}

  [[nodiscard]] Index state_dimension() const override { return field_->state_dimension(); }
  [[nodiscard]] const ControlLayout& layout() const override { return field_->layout(); }
  [[nodiscard]] Index record_size(Index columns) const override { return field_->record_size(columns); }
  [[nodiscard]] Index scratch_size(Index columns) const override { return field_->scratch_size(columns); }
  [[nodiscard]] std::optional<FieldForm> form() const override { return field_->form(); }
  void evaluate(const float* u, ConstTile<float> X, Tile<float> Xdot, float* record,
                float* scratch) const override {
    countdown_.pass();
    field_->evaluate(u, X, Xdot, record, scratch);
  }
  void pull_back(const float* u, const float* record, ConstTile<float> Lambda, Tile<float> Xbar, float* ubar,
                 float* scratch) const override {
    countdown_.pass();
    field_->pull_back(u, record, Lambda, Xbar, ubar, scratch);
  }
  void apply(const float* u, const float* record, ConstTile<float> V, Tile<float> JV,
             float* scratch) const override {
    field_->apply(u, record, V, JV, scratch);
  }

 private:
  std::shared_ptr<const VectorField<float>> field_;
  Countdown& countdown_;
};

constexpr Index intervals = 6;

ProblemDefinition<float> definition_of(Index n, Index tile, Countdown& countdown) {
  ProblemDefinition<float> definition;
  definition.field =
      std::make_shared<CountedField>(make_two_layer_field<float>(n, n, Activation::tanh), countdown);
  definition.grid = TimeGrid::uniform(intervals, 6);
  definition.integrator = builtin_integrators().make<float>("explicit-euler", {});
  definition.running = make_soft_cross_entropy<float>(first_components(3), 0.9);
  definition.terminal = definition.running;
  definition.r = 1e-4;
  definition.tile = tile;
  definition.stop = &countdown.stop;
  return definition;
}

Dataset<float> samples_of(Index n, Index count) {
  Dataset<float> data;
  data.features.resize(n, count);
  Random random(3, RandomPurpose::data);
  std::generate_n(data.features.data(), data.features.size(),
                  [&] { return static_cast<float>(random.uniform(-1.0, 1.0)); });
  for (Index d = 0; d < count; ++d) {
    data.labels.push_back(static_cast<int>(d % 3));
  }
  data.classes = {"a", "b", "c"};
  return data;
}

Control<float> start_of(const OptimalControlProblem<float>& problem) {
  Control<float> u = problem.zero_control();
  Random random(4, RandomPurpose::initialization);
  for (float& entry : u.values()) {
    entry = static_cast<float>(random.uniform(-0.05, 0.05));
  }
  return u;
}

bool same(const Control<float>& a, const Control<float>& b) {
  return std::memcmp(a.values().data(), b.values().data(), a.values().size_bytes()) == 0;
}

/// A step that is stopped at any call of the field.
struct Case {
  const char* name;
  Index n;
  Index tile;
  Index samples;
  bool updates_on_the_way;  // whether the control is updated during the way back
};

TEST_CASE("a step stopped on its way is not taken, and the training goes on to the same bits") {
  const auto go_on = [](const EpochMetrics&) { return true; };
  for (const Case& c :
       {Case{"one group of tiles", 4, 8, 24, false}, Case{"three groups of tiles", 4, 2, 36, false},
        Case{"a large control", 300, 8, 16, true}}) {
    CAPTURE(c.name);
    Countdown countdown;
    const Dataset<float> data = samples_of(c.n, c.samples);
    OptimalControlProblem<float> problem(definition_of(c.n, c.tile, countdown), data);
    const bool large = problem.zero_control().size() > (Index{1} << 20);
    REQUIRE(large == c.updates_on_the_way);
    const Control<float> start = start_of(problem);
    TrainerOptions options;
    options.epochs = 2;  // of one step each
    Trainer<float> whole(problem, start, options);
    REQUIRE(whole.run(go_on, countdown.stop).outcome == TrainingOutcome::finished);
    options.epochs = 1;
    Trainer<float> one(problem, start, options);
    REQUIRE(one.run(go_on, countdown.stop).outcome == TrainingOutcome::finished);
    options.epochs = 2;

    const long tiles = c.samples / c.tile;
    const long calls = 2 * tiles * intervals;  // of a step
    for (long call = calls + 1; call <= 2 * calls; call += c.updates_on_the_way ? 5 : 1) {
      CAPTURE(call - calls);
      Trainer<float> first(problem, start, options);
      countdown.begin(call);
      const TrainingResult stopped = first.run(go_on, countdown.stop);
      // Of the way back that updates the control nothing is left undone; nor is there anything to leave out
      // once the last tile is in its last interval.
      const bool forward = call - calls <= tiles * intervals;
      const bool last = call == 2 * calls;
      const std::int64_t steps = last || (c.updates_on_the_way && !forward) ? 2 : 1;
      REQUIRE(stopped.steps == steps);
      if (steps == 1) {
        CHECK(stopped.outcome == TrainingOutcome::interrupted);
        CHECK(same(first.control(), one.control()));
      }
      Trainer<float> second(problem, start, options);
      second.restore(first.state());
      countdown.begin(0);
      CHECK(second.run(go_on, countdown.stop).steps == 2);
      CHECK(same(second.control(), whole.control()));
    }
  }
}

TEST_CASE("an evaluation that is stopped says so, and where") {
  Countdown countdown;
  OptimalControlProblem<float> problem(definition_of(4, 8, countdown), samples_of(4, 8));
  Control<float> gradient = problem.zero_control();
  countdown.begin(3);
  const Objective V = problem.value_and_gradient(start_of(problem), gradient);
  CHECK(V.status.step.outcome == StepOutcome::stopped);
  CHECK(V.status.interval == 3);
  CHECK(V.status.message().find("stopped on request in layer 3") == 0);
}

TEST_CASE("a tail test is made to its end, so that a resumed training becomes as long as it says") {
  Countdown countdown;
  ProblemDefinition<float> definition = definition_of(4, 0, countdown);
  definition.active_intervals = 2;
  const auto data = std::make_shared<const Dataset<float>>(samples_of(4, 24));
  OptimalControlProblem<float> problem(definition, data);
  const Control<float> start = start_of(problem);
  GrowingTrainingOptions options;
  options.trainer.epochs = 4;
  options.extend_by = 1;
  GrowingTraining<float> training(
      definition, data, start, [&] { return followed_by_zeros(start, intervals); }, options);
  typename GrowingTraining<float>::Observers observers;
  observers.epoch = [&](const EpochMetrics&) {
    countdown.begin(1);  // the test's first call
    return true;
  };
  bool tested = false;
  observers.test = [&](const TailTestOutcome& outcome) { tested = outcome.test.has_value(); };
  const TrainingResult result = training.run(observers, countdown.stop);
  CHECK(result.outcome == TrainingOutcome::interrupted);
  CHECK(result.epoch == 1);
  CHECK(tested);
}

}  // namespace
}  // namespace turnpike
