#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "turnpike/error.hpp"
#include "turnpike/exact_tail.hpp"

namespace turnpike {

namespace {

/// At most 4096 samples, evenly picked.
template <class T>
std::shared_ptr<const Dataset<T>> some_samples(const Dataset<T>& data) {
  constexpr Index most = 4096;
  const Index stride = (data.size() + most - 1) / most;
  auto some = std::make_shared<Dataset<T>>();
  some->classes = data.classes;
  some->features.resize(data.feature_count(), (data.size() + stride - 1) / stride);
  for (Index d = 0; d < data.size(); d += stride) {
    some->features.col(d / stride) = data.features.col(d);
    some->labels.push_back(data.labels[static_cast<std::size_t>(d)]);
  }
  return some;
}

}  // namespace

template <class T>
GrowingTraining<T>::GrowingTraining(ProblemDefinition<T> definition, std::shared_ptr<const Dataset<T>> data,
                                    const Control<T>& initial, std::function<Control<T>()> for_new,
                                    const GrowingTrainingOptions& options)
    : definition_(std::move(definition)),
      data_(std::move(data)),
      for_new_(std::move(for_new)),
      options_(options),
      first_active_(active_intervals(definition_)) {
  if (options.extend_by < 0 || options.extend_every < 1) {
    throw InputError(
        fmt::format("control.extend_by = {} and control.extend_every = {}; give at least 0 and at least 1",
                    options.extend_by, options.extend_every));
  }
  if (initial.intervals() < active()) {
    throw InputError(
        fmt::format("the initial control has {} intervals, but {} are active; give at least as many",
                    initial.intervals(), active()));
  }
  Control<T> u(initial.layout(), active());
  std::copy_n(initial.values().begin(), u.values().size(), u.values().begin());
  begin(std::move(u), nullptr);
}

template <class T>
void GrowingTraining<T>::begin(Control<T> u, const TrainerState<T>* state) {
  ProblemDefinition<T> definition = definition_;
  definition.active_intervals = u.intervals();
  auto problem = std::make_unique<OptimalControlProblem<T>>(definition, data_);
  auto trainer = std::make_unique<Trainer<T>>(*problem, std::move(u), options_.trainer);
  if (state != nullptr) {
    trainer->restore(*state);
  }
  trainer_ = std::move(trainer);  // nothing throws from here on; the former one refers to the former problem
  problem_ = std::move(problem);
  definition_.active_intervals = definition.active_intervals;
}

template <class T>
TrainingResult GrowingTraining<T>::run(const Observers& observers, const std::atomic<bool>& stop) {
  TrainingResult result;
  bool test_due = false;
  bool go_on = true;
  const auto settle = [&](std::int64_t epoch) {
    if (observers.settled) {
      observers.settled(epoch);
    }
  };
  const auto observe = [&](const EpochMetrics& metrics) {
    go_on = !observers.epoch || observers.epoch(metrics);
    test_due = tests_after(metrics.epoch);  // also where it stops: a checkpoint comes after the test
    if (!test_due) {
      settle(metrics.epoch);
    }
    return go_on && !test_due;
  };
  do {
    test_due = false;
    result = trainer_->run(observe, stop, observers.step);
    if (test_due) {
      TailTestOutcome outcome;
      outcome.epoch = result.epoch;
      try {
        outcome.test = test();
      } catch (const NumericalError& error) {
        outcome.failure = error.what();
      }
      if (observers.test) {
        observers.test(outcome);
      }
      if (outcome.test && outcome.test->pays()) {
        extend();
      }
      settle(result.epoch);
    }
  } while (test_due && go_on);
  return result;
}

template <class T>
TailTest GrowingTraining<T>::test() const {
  ProblemDefinition<T> definition = definition_;
  definition.stop = nullptr;  // an epoch whose test was broken off could not be resumed
  OptimalControlProblem<T> problem(std::move(definition), some_samples(*data_));
  return test_tail(problem, trainer_->control());
}

template <class T>
bool GrowingTraining<T>::tests_after(std::int64_t epoch) const {
  return options_.extend_by > 0 && active() < intervals() && epoch % options_.extend_every == 0 &&
         epoch < options_.trainer.epochs;
}

template <class T>
void GrowingTraining<T>::extend() {
  restore(extended(trainer_->state(), for_new_(), std::min(active() + options_.extend_by, intervals())));
}

template <class T>
void GrowingTraining<T>::restore(const TrainerState<T>& state) {
  const auto n_u = static_cast<std::size_t>(definition_.field->layout().size());
  const std::size_t active = state.control.size() / n_u;
  const Index last = options_.extend_by > 0 ? intervals() : first_active_;
  if (active < static_cast<std::size_t>(first_active_) || active > static_cast<std::size_t>(last) ||
      active * n_u != state.control.size()) {
    throw InputError(
        fmt::format("the checkpoint holds {} control entries where {} to {} intervals of {} are possible; "
                    "resume with the configuration it was written with",
                    state.control.size(), first_active_, last, n_u));
  }
  begin(Control<T>(definition_.field->layout(), static_cast<Index>(active)), &state);
}

template class GrowingTraining<float>;
template class GrowingTraining<double>;

}  // namespace turnpike
