#include "turnpike/trainer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <vector>

#include "turnpike/error.hpp"
#include "turnpike/experiment.hpp"

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
