#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "turnpike/error.hpp"
#include "turnpike/exact_tail.hpp"
#include "turnpike/experiment.hpp"

namespace turnpike {
namespace {

/// Two spirals for milliseconds, with 2 of 6 intervals active.
struct SmallTail {
  Experiment<double> experiment;
  std::atomic<bool> stop{false};
  GrowingTrainingOptions options;

  SmallTail() {
    RunConfig config = recipe("two-spirals");
    config.data.per_class = 30;
    config.control.intervals = 6;
    config.optimizer.epochs = 12;
    experiment = load_experiment(config);
    options.trainer = trainer_options(config);
    options.extend_by = 3;
    options.extend_every = 4;
  }
  [[nodiscard]] ProblemDefinition<double> definition(Index active) const {
    auto definition = make_definition<double>(experiment.config, 2, builtin_integrators());
    definition.active_intervals = active;
    return definition;
  }
  [[nodiscard]] GrowingTraining<double> training(Index active) const {
    const auto start = [config = experiment.config, definition = definition(active)] {
      return initial_control(config, definition);  // the second layer is zero
    };
    return {definition(active), borrowed(experiment.train), start(), start, options};
  }
};

TEST_CASE("a training grows where the tail test says that it pays, and V goes on from where it was") {
  SmallTail tail;
  GrowingTraining<double> training = tail.training(2);
  CHECK(training.intervals() == 6);
  CHECK(training.active() == 2);
  std::vector<TailTestOutcome> tests;
  std::vector<std::int64_t> settled;
  std::vector<double> objectives;
  const TrainingResult result =
      training.run({.epoch =
                        [&](const EpochMetrics& m) {
                          objectives.push_back(m.objective.running + m.objective.terminal);
                          return true;
                        },
                    .step = {},
                    .test = [&](const TailTestOutcome& outcome) { tests.push_back(outcome); },
                    .settled = [&](std::int64_t epoch) { settled.push_back(epoch); }},
                   tail.stop);
  CHECK(result.outcome == TrainingOutcome::finished);
  CHECK(result.epoch == 12);
  REQUIRE(tests.size() >= 1);
  CHECK(tests[0].epoch == 4);
  REQUIRE(tests[0].test);
  REQUIRE(tests[0].test->pays());
  CHECK(tests[0].test->active == 2);
  CHECK(training.active() > 2);
  REQUIRE(settled.size() == 12);
  CHECK(std::is_sorted(settled.begin(), settled.end()));
  REQUIRE(objectives.size() == 12);
  // Epoch 5 is evaluated before its update, with the new intervals at a second layer of zeros.
  auto whole = tail.training(2);
  std::optional<Control<double>> fourth;
  (void)whole.run({.epoch =
                       [&](const EpochMetrics& m) {
                         fourth = whole.trainer().control();
                         return m.epoch < 4;
                       },
                   .step = {},
                   .test = {},
                   .settled = {}},
                  tail.stop);
  OptimalControlProblem<double> problem(tail.definition(2), borrowed(tail.experiment.train));
  const Objective before = problem.value(fourth.value());
  CHECK(objectives[4] == doctest::Approx(before.running + before.terminal).epsilon(1e-12));
}

TEST_CASE("without growth it is the plain training, to the same bits") {
  SmallTail tail;
  tail.options.extend_by = 0;
  GrowingTraining<double> growing = tail.training(0);
  CHECK(growing.run({}, tail.stop).epoch == 12);
  OptimalControlProblem<double> problem(tail.definition(0), borrowed(tail.experiment.train));
  Trainer<double> plain(problem, initial_control(tail.experiment.config, problem.definition()),
                        tail.options.trainer);
  plain.run([](const EpochMetrics&) { return true; }, tail.stop);
  CHECK(std::memcmp(plain.control().values().data(), growing.trainer().control().values().data(),
                    plain.control().values().size_bytes()) == 0);
}

TEST_CASE("a training that had grown is restored with its intervals and goes on to the same bits") {
  SmallTail tail;
  GrowingTraining<double> whole = tail.training(2);
  TrainerState<double> kept;
  whole.run({.epoch = {},
             .step = {},
             .test = {},
             .settled =
                 [&](std::int64_t epoch) {
                   if (epoch == 8) {
                     kept = whole.state();
                   }
                 }},
            tail.stop);
  GrowingTraining<double> second = tail.training(2);
  second.restore(kept);
  CHECK(second.active() ==
        static_cast<Index>(kept.control.size()) / second.trainer().control().layout().size());
  CHECK(second.run({}, tail.stop).epoch == 12);
  REQUIRE(second.active() == whole.active());
  CHECK(std::memcmp(whole.trainer().control().values().data(), second.trainer().control().values().data(),
                    whole.trainer().control().values().size_bytes()) == 0);
}

TEST_CASE("a state that is none of the training's leaves it as it was") {
  SmallTail tail;
  tail.options.extend_by = 0;
  GrowingTraining<double> training = tail.training(2);
  training.run({}, tail.stop);
  const TrainerState<double> before = training.state();
  const Trainer<double>* const trainer = &training.trainer();
  TrainerState<double> odd = before;
  odd.control.pop_back();
  TrainerState<double> torn = tail.training(4).state();  // of other intervals, but its moments do not match
  torn.first_moment.pop_back();
  TrainerState<double> long_one = before;
  long_one.control.resize(7 * before.control.size() / 2);
  for (const TrainerState<double>& wrong : {odd, torn, long_one, TrainerState<double>()}) {
    CHECK_THROWS_WITH_AS(training.restore(wrong), doctest::Contains("resume with the configuration"),
                         InputError);
    CHECK(&training.trainer() == trainer);
    CHECK(training.active() == 2);
    CHECK(training.intervals() == 6);
    CHECK(training.trainer().epoch() == 12);
    CHECK(training.state().control == before.control);
    CHECK(training.state().second_moment == before.second_moment);
  }
}

TEST_CASE("options and controls that do not fit are refused") {
  SmallTail tail;
  tail.options.extend_every = 0;
  CHECK_THROWS_AS((void)tail.training(2), InputError);
  tail.options.extend_every = 1;
  CHECK_THROWS_AS((void)tail.training(7), InputError);
}

}  // namespace
}  // namespace turnpike
