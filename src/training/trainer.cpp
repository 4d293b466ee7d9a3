#include "turnpike/trainer.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cassert>
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <nlopt.hpp>
#include <string>
#include <string_view>
#include <type_traits>

#include "turnpike/error.hpp"
#include "turnpike/random.hpp"

namespace turnpike {

namespace {

void demand(bool condition, const char* key, double value, const char* range) {
  if (!condition) {
    throw InputError(fmt::format("optimizer.{} = {}; give {}", key, value, range));
  }
}

const TrainerOptions& checked(const TrainerOptions& o, Index samples) {
  demand(std::isfinite(o.learning_rate) && o.learning_rate > 0, "learning_rate", o.learning_rate,
         "a finite number above 0");
  demand(std::isfinite(o.clip) && o.clip >= 0, "clip", o.clip, "a finite number of at least 0");
  demand(o.epochs >= 0, "epochs", static_cast<double>(o.epochs), "a whole number of at least 0");
  demand(o.warmup >= 0, "warmup", static_cast<double>(o.warmup), "a whole number of at least 0");
  demand(o.schedule_period >= 1, "step_every", static_cast<double>(o.schedule_period),
         "a whole number of at least 1");
  demand(o.batch >= 0 && o.batch <= samples, "batch", static_cast<double>(o.batch),
         "0 for all samples, or a number from 1 to the number of training samples");
  demand(o.optimizer.beta1 >= 0 && o.optimizer.beta1 < 1, "beta1", o.optimizer.beta1, "a number in [0, 1)");
  demand(o.optimizer.beta2 >= 0 && o.optimizer.beta2 < 1, "beta2", o.optimizer.beta2, "a number in [0, 1)");
  demand(o.optimizer.epsilon > 0, "epsilon", o.optimizer.epsilon, "a number above 0");
  demand(std::isfinite(o.optimizer.weight_decay) && o.optimizer.weight_decay >= 0, "weight_decay",
         o.optimizer.weight_decay, "a finite number of at least 0");
  return o;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::int64_t steps_in_epoch(std::int64_t samples, std::int64_t batch) {
  return batch == 0 ? 1 : (samples + batch - 1) / batch;
}

/// Names the layer with the largest entry of a gradient that is not finite or whose norm is not.
template <class T>
std::string non_finite_gradient(const Control<T>& gradient) {
  Index worst = 0;
  double largest = 0;
  for (Index k = gradient.intervals() - 1; k >= 0; --k) {
    const T* const entries = gradient.interval(k);
    for (Index i = 0; i < gradient.layout().size(); ++i) {
      const double size = std::abs(static_cast<double>(entries[i]));
      if (!(size <= largest)) {
        largest = std::isfinite(size) ? size : std::numeric_limits<double>::infinity();
        worst = k;
      }
    }
  }
  return fmt::format("the gradient became NaN or infinite, largest in layer {}", worst);
}

/// What may help. At the `initial` control no optimizer has had a part in the failure.
std::string remedy(const StepStatus& status, bool initial) {
  const std::string smaller = initial ? "scale the samples down or lower control.horizon"
                                      : "lower optimizer.learning_rate or set optimizer.clip";
  if (status.detail != nullptr) {  // it says what may help
    const bool wants_smaller = std::string_view(status.detail).ends_with("make the control smaller");
    return wants_smaller ? fmt::format("; {}", smaller) : "";
  }
  switch (status.outcome) {
    case StepOutcome::threw:
      return "; mend the scheme";
    case StepOutcome::not_converged:
      return "; raise integrator.substeps, set integrator.recovery = bisect, or " + smaller;
    case StepOutcome::step_too_small:
    case StepOutcome::too_many_steps:
    case StepOutcome::solver_failed:
      return "; raise integrator.rtol, choose a scheme for stiff fields, or " + smaller;
    default:
      return "; " + smaller;
  }
}

}  // namespace

template <class T>
Trainer<T>::Trainer(OptimalControlProblem<T>& problem, Control<T> initial, const TrainerOptions& options)
    : problem_(&problem),
      options_(checked(options, problem.sample_count())),
      control_(std::move(initial)),
      gradient_(problem.zero_control()),
      optimizer_(options.optimizer, control_.values().size()),
      order_(static_cast<std::size_t>(problem.sample_count())) {
  const std::int64_t per_epoch = steps_per_epoch();
  learning_rate_ = {.rate = options.learning_rate,
                    .schedule = options.schedule,
                    .warmup = options.warmup,
                    .total = std::max<std::int64_t>(1, options.epochs * per_epoch),
                    .period = options.schedule_period * per_epoch,
                    .factor = options.schedule_factor};
  if (options.epochs > 0 && options.warmup > learning_rate_.total) {
    throw InputError(
        fmt::format("optimizer.warmup = {} is more than the {} steps of the whole run; lower it or raise "
                    "optimizer.epochs",
                    options.warmup, learning_rate_.total));
  }
}

template <class T>
std::int64_t Trainer<T>::steps_per_epoch() const {
  return steps_in_epoch(problem_->sample_count(), options_.batch);
}

template <class T>
TrainingResult Trainer<T>::run(const Observer& observer, const std::atomic<bool>& stop,
                               const StepObserver& step_observer) {
  TrainingResult result;
  bool go_on = true;
  while (epoch_ < options_.epochs && go_on) {
    if (stop.load(std::memory_order_relaxed)) {
      break;
    }
    EpochMetrics metrics;
    const auto start = std::chrono::steady_clock::now();
    const EpochEnd end = run_epoch(metrics, result, stop, step_observer);
    seconds_ += seconds_since(start);
    if (end == EpochEnd::failed) {
      result.epoch = epoch_;
      result.steps = optimizer_.steps();
      return result;
    }
    if (end == EpochEnd::stopped) {
      break;
    }
    ++epoch_;
    sums_ = {};
    metrics.epoch = epoch_;
    metrics.steps = optimizer_.steps();
    go_on = observer(metrics);
  }
  if (epoch_ < options_.epochs) {
    result.outcome = TrainingOutcome::interrupted;
  } else if (options_.finish_iterations > 0) {
    const auto start = std::chrono::steady_clock::now();
    finish(result, stop);
    seconds_ += seconds_since(start);
  }
  result.epoch = epoch_;
  result.steps = optimizer_.steps();
  return result;
}

template <class T>
typename Trainer<T>::EpochEnd Trainer<T>::run_epoch(EpochMetrics& metrics, TrainingResult& result,
                                                    const std::atomic<bool>& stop,
                                                    const StepObserver& step_observer) {
  const std::int64_t per_epoch = steps_per_epoch();
  std::size_t batch = order_.size();
  if (options_.batch > 0) {
    Random(options_.seed, RandomPurpose::shuffle, static_cast<std::uint64_t>(epoch_)).permute(order_);
    batch = static_cast<std::size_t>(options_.batch);
  }
  for (std::int64_t i = optimizer_.steps() - epoch_ * per_epoch; i < per_epoch; ++i) {
    if (stop.load(std::memory_order_relaxed)) {
      return EpochEnd::stopped;
    }
    const std::size_t first = static_cast<std::size_t>(i) * batch;
    const std::span<const Index> samples =
        std::span<const Index>(order_).subspan(first, std::min(batch, order_.size() - first));
    Objective objective;
    switch (take_step(samples, metrics, result, objective)) {
      case StepEnd::stopped:
        return EpochEnd::stopped;
      case StepEnd::failed:
        return EpochEnd::failed;
      case StepEnd::taken:
        break;
    }
    const double share = static_cast<double>(samples.size()) / static_cast<double>(order_.size());
    sums_[0] += share * objective.running;
    sums_[1] += share * objective.control;
    sums_[2] += share * objective.terminal;
    sums_[3] += share * objective.accuracy;
    if (step_observer) {
      step_observer({.step = optimizer_.steps(),
                     .steps = learning_rate_.total,
                     .objective = objective,
                     .learning_rate = metrics.learning_rate});
    }
  }
  metrics.objective.running = sums_[0];
  metrics.objective.control = sums_[1];
  metrics.objective.terminal = sums_[2];
  metrics.objective.accuracy = sums_[3];
  return EpochEnd::complete;
}

template <class T>
typename Trainer<T>::StepEnd Trainer<T>::take_step(std::span<const Index> batch, EpochMetrics& metrics,
                                                   TrainingResult& result, Objective& objective) {
  metrics.learning_rate = learning_rate_.at(optimizer_.steps());
  const bool initial = optimizer_.steps() == 0;
  const std::span<const T> u = control_.values();
  const std::span<T> g = gradient_.values();
  const auto evaluate = [&](const GradientSink<T>& sink) {
    return options_.batch == 0 ? problem_->value_and_gradient(control_, gradient_, sink)
                               : problem_->value_and_gradient(control_, batch, gradient_, sink);
  };
  // A control beyond the caches is updated piece by piece, while the gradient is in one; clipping needs the
  // whole gradient first. An implicit scheme would gain nothing by it, and could not be stopped on the way.
  constexpr Index beyond_caches = Index{1} << 20;
  const bool piecewise = options_.clip == 0 && control_.size() > beyond_caches &&
                         !problem_->definition().integrator->traits().implicit;
  const Index samples = options_.batch == 0 ? problem_->sample_count() : static_cast<Index>(batch.size());
  if (moved_ && !problem_->fails_before_gradient(samples)) {
    former_.assign(g.begin(), g.end());
  } else {
    former_.clear();
  }
  std::atomic<bool> begun = false;
  if (piecewise) {
    optimizer_.begin_step(metrics.learning_rate);
    const auto update = [&](Index first, Index count, const T* slope) {
      begun.store(true, std::memory_order_relaxed);
      optimizer_.update(first, {slope, static_cast<std::size_t>(count)}, u, g);
    };
    objective = evaluate(std::ref(update));  // by reference, so that nothing is allocated
  } else {
    objective = evaluate({});
  }
  if (objective.status.step.outcome == StepOutcome::stopped) {
    assert(!begun);
    if (piecewise) {
      optimizer_.set_steps(optimizer_.steps() - 1);
    }
    moved_ = false;  // of the former control, which the gradient holds, a part may be gone
    return StepEnd::stopped;
  }
  metrics.gradient_norm = objective.gradient_norm;
  const bool finite = std::isfinite(objective.total());
  if (!objective.status.ok() || !finite || !std::isfinite(objective.gradient_norm)) {
    result.outcome = TrainingOutcome::not_finite;
    result.status = objective.status;
    result.message = fmt::format("epoch {}{}: {}{}", epoch_ + 1, initial ? ", at the initial control" : "",
                                 !objective.status.ok() ? objective.status.message()
                                 : begun ? "the objective or the norm of its gradient became NaN or infinite"
                                         : non_finite_gradient(gradient_),
                                 remedy(objective.status.step, initial));
    if (piecewise) {
      optimizer_.set_steps(optimizer_.steps() - 1);
    }
    // Where a new control has begun to take the former one's place, this one stays.
    if (objective.value_failed && moved_ && !begun) {
      return_to_last_good();
    }
    return StepEnd::failed;
  }
  if (!piecewise) {
    const double norm = objective.gradient_norm;
    const bool clipped = options_.clip > 0 && norm > options_.clip;
    optimizer_.begin_step(metrics.learning_rate, clipped ? options_.clip / norm : 1.0);
    optimizer_.update(0, g, u, g);
  }
  std::swap(control_, gradient_);
  moved_ = true;
  return StepEnd::taken;
}

/// To the control before the last step, whose V was finite.
template <class T>
void Trainer<T>::return_to_last_good() {
  const std::span<const T> former = former_.empty() ? gradient_.values() : std::span<T>(former_);
  std::copy(former.begin(), former.end(), control_.values().begin());
}

template <class T>
void Trainer<T>::finish(TrainingResult& result, const std::atomic<bool>& stop) {
  // NLopt works in double; the control passes through T at each evaluation.
  std::vector<double> x(control_.values().begin(), control_.values().end());
  std::vector<double> best = x;
  double lowest = std::numeric_limits<double>::infinity();
  Control<T> u = control_;
  std::function<double(const std::vector<double>&, std::vector<double>&)> objective =
      [&](const std::vector<double>& point, std::vector<double>& slope) {
        if (stop.load(std::memory_order_relaxed)) {
          throw nlopt::forced_stop();
        }
        std::transform(point.begin(), point.end(), u.values().begin(),
                       [](double value) { return static_cast<T>(value); });
        const Objective value = problem_->value_and_gradient(u, gradient_);
        if (!value.status.ok() || !std::isfinite(value.total())) {
          slope.assign(slope.size(), 0.0);
          return std::numeric_limits<double>::max();
        }
        std::copy(gradient_.values().begin(), gradient_.values().end(), slope.begin());
        if (value.total() < lowest) {
          lowest = value.total();
          best = point;
        }
        return value.total();
      };
  nlopt::opt optimizer(nlopt::LD_LBFGS, static_cast<unsigned>(x.size()));
  optimizer.set_min_objective(
      [](const std::vector<double>& point, std::vector<double>& slope, void* data) {
        return (*static_cast<decltype(objective)*>(data))(point, slope);
      },
      &objective);
  optimizer.set_maxeval(static_cast<int>(options_.finish_iterations));
  optimizer.set_ftol_rel(std::is_same_v<T, float> ? 1e-7 : 1e-12);
  optimizer.set_vector_storage(20);
  double value = 0;
  try {
    optimizer.optimize(x, value);
  } catch (const nlopt::forced_stop&) {
    result.outcome = TrainingOutcome::interrupted;
    return;
  } catch (const std::runtime_error&) {
    // A line search that stalls at rounding ends the search; the best point seen stands.
  }
  if (stop.load(std::memory_order_relaxed)) {  // the search may return before it has seen the exception
    result.outcome = TrainingOutcome::interrupted;
    return;
  }
  std::transform(best.begin(), best.end(), control_.values().begin(),
                 [](double entry) { return static_cast<T>(entry); });
}

template <class T>
TrainerState<T> Trainer<T>::state() {
  return {{control_.values().begin(), control_.values().end()},
          {optimizer_.first_moment().begin(), optimizer_.first_moment().end()},
          {optimizer_.second_moment().begin(), optimizer_.second_moment().end()},
          epoch_,
          optimizer_.steps(),
          sums_,
          seconds_};
}

template <class T>
void Trainer<T>::restore(const TrainerState<T>& state) {
  if (state.control.size() != control_.values().size() ||
      state.first_moment.size() != optimizer_.first_moment().size() ||
      state.second_moment.size() != optimizer_.second_moment().size()) {
    throw InputError(
        fmt::format("the checkpoint holds {} control entries where the problem has {}; resume "
                    "with the configuration it was written with",
                    state.control.size(), control_.values().size()));
  }
  std::copy(state.control.begin(), state.control.end(), control_.values().begin());
  std::copy(state.first_moment.begin(), state.first_moment.end(), optimizer_.first_moment().begin());
  std::copy(state.second_moment.begin(), state.second_moment.end(), optimizer_.second_moment().begin());
  moved_ = false;
  sums_ = state.unfinished;
  epoch_ = state.epoch;
  seconds_ = state.seconds;
  optimizer_.set_steps(state.steps);
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace turnpike
