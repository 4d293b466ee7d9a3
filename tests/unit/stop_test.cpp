#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

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

constexpr auto go_on = [](const EpochMetrics&) { return true; };

/// `resumed` starts anew and takes up `state`; `whole` is what it must come to.
void check_that_it_goes_on(const TrainerState<float>& state, Trainer<float> resumed,
                           const Trainer<float>& whole) {
  const std::atomic<bool> never = false;
  resumed.restore(state);
  CHECK(resumed.run(go_on, never).steps == whole.steps());
  CHECK(same(resumed.control(), whole.control()));
}

struct Case {
  const char* name;
  Index n;
  Index tile;
  Index samples;
  Index last_group;  // its tiles, of at most 16
  bool large;        // whether the control is updated during the way back of the last group
  int threads = 1;
};

TEST_CASE("a step stopped on its way is not taken, and the training goes on to the same bits") {
  for (const Case& c :
       {Case{"one group of tiles", 4, 8, 24, 3, false}, Case{"three groups of tiles", 4, 1, 34, 2, false},
        Case{"a large control", 300, 8, 16, 2, true},
        Case{"a large control, two groups", 300, 1, 17, 1, true},
        Case{"two threads", 4, 1, 34, 2, false, 2}}) {
    CAPTURE(c.name);
    Countdown countdown;
    const Dataset<float> data = samples_of(c.n, c.samples);
    ProblemDefinition<float> definition = definition_of(c.n, c.tile, countdown);
    definition.threads = c.threads;
    OptimalControlProblem<float> problem(definition, data);
    const bool large = problem.zero_control().size() > (Index{1} << 20);
    REQUIRE(large == c.large);
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
    const long calls = 2 * tiles * intervals;                     // of a step
    const long last_way_back = calls - c.last_group * intervals;  // it begins after this call
    for (long call = 1; call <= calls; call += c.large ? 7 : 1) {
      CAPTURE(call);
      Trainer<float> first(problem, start, options);
      countdown.begin(calls + call);  // within the second step
      const TrainingResult stopped = first.run(go_on, countdown.stop);
      const bool to_the_end = call == calls || (c.large && call >= last_way_back);
      if (c.threads == 1) {
        REQUIRE(stopped.steps == (to_the_end ? 2 : 1));
      }
      if (stopped.steps == 1) {
        CHECK(stopped.outcome == TrainingOutcome::interrupted);
        CHECK(same(first.control(), one.control()));
      }
      countdown.begin(0);
      check_that_it_goes_on(first.state(), Trainer<float>(problem, start, options), whole);
    }
  }
}

TEST_CASE("with mini-batches and states computed again, too") {
  Countdown countdown;
  for (const Recomputation recomputation : {Recomputation::every, Recomputation::binomial}) {
    ProblemDefinition<float> definition = definition_of(4, 4, countdown);
    definition.recomputation = recomputation;
    definition.snapshots = 2;
    OptimalControlProblem<float> problem(definition, samples_of(4, 20));
    const Control<float> start = start_of(problem);
    TrainerOptions options;
    options.epochs = 2;
    options.batch = 8;
    countdown.begin(0);
    Trainer<float> whole(problem, start, options);
    REQUIRE(whole.run(go_on, countdown.stop).steps == 6);
    const long calls = -countdown.left;
    for (long call = 1; call <= calls; ++call) {
      CAPTURE(call);
      Trainer<float> first(problem, start, options);
      countdown.begin(call);
      (void)first.run(go_on, countdown.stop);
      countdown.begin(0);
      check_that_it_goes_on(first.state(), Trainer<float>(problem, start, options), whole);
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

TEST_CASE("of a run that is stopped at once there is the initial state alone") {
  for (const Index points : {1, 4}) {
    Countdown countdown;
    const Dataset<float> data = samples_of(4, 8);
    OptimalControlProblem<float> problem(definition_of(4, 0, countdown), data);
    countdown.stop = true;
    IntegrationStatus status;
    const std::vector<State<float>> states = problem.states(start_of(problem), status, points);
    CHECK(status.step.outcome == StepOutcome::stopped);
    REQUIRE(states.size() == 1);
    CHECK(states.front() == data.features);
  }
}

TEST_CASE("a tail test is made to its end, so that a resumed training becomes as long as a whole one") {
  Countdown countdown;
  ProblemDefinition<float> definition = definition_of(4, 0, countdown);
  definition.active_intervals = 2;
  definition.r = 1e-9;  // more intervals pay
  const auto data = std::make_shared<const Dataset<float>>(samples_of(4, 24));
  const Control<float> start = start_of(OptimalControlProblem<float>(definition_of(4, 0, countdown), data));
  GrowingTrainingOptions options;
  options.trainer.epochs = 4;
  options.extend_by = 1;
  const auto make = [&] {
    return GrowingTraining<float>(
        definition, data, start, [&] { return start; }, options);
  };
  const typename GrowingTraining<float>::Observers nothing;
  GrowingTraining<float> whole = make();
  REQUIRE(whole.run(nothing, countdown.stop).outcome == TrainingOutcome::finished);
  REQUIRE(whole.active() > 2);

  for (const bool by_observer : {false, true}) {
    CAPTURE(by_observer);
    GrowingTraining<float> first = make();
    typename GrowingTraining<float>::Observers observers;
    observers.epoch = [&](const EpochMetrics&) {
      if (!by_observer) {
        countdown.begin(1);  // the first call of the test
      }
      return !by_observer;
    };
    std::optional<TrainerState<float>> kept;
    observers.settled = [&](std::int64_t) { kept = first.state(); };
    const TrainingResult result = first.run(observers, countdown.stop);
    CHECK(result.outcome == TrainingOutcome::interrupted);
    CHECK(result.epoch == 1);
    GrowingTraining<float> second = make();
    second.restore(kept.value());
    countdown.begin(0);
    CHECK(second.run(nothing, countdown.stop).outcome == TrainingOutcome::finished);
    CHECK(second.active() == whole.active());
    CHECK(same(second.trainer().control(), whole.trainer().control()));
  }
}

}  // namespace
}  // namespace turnpike
