#include "turnpike/problem.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>

#include "problem/ensemble_evaluator.hpp"
#include "turnpike/error.hpp"

namespace turnpike {

namespace {

template <class T>
void check_cost(const Cost<T>* cost, const char* which, Index n, Index classes) {
  if (cost == nullptr) {
    return;
  }
  for (const Index component : cost->components()) {
    if (component >= n) {
      throw InputError(
          fmt::format("the {} cost uses component {} of the state, but the state has components 0 to {} only",
                      which, component, n - 1));
    }
  }
  if (cost->rows() < classes) {
    throw InputError(fmt::format("the {} cost has {} components for {} classes; name one a class", which,
                                 cost->rows(), classes));
  }
}

void check_weight(double value, const char* name) {
  if (!std::isfinite(value) || value < 0) {
    throw InputError(fmt::format("cost.{} = {}; give a finite number of at least 0", name, value));
  }
}

/// A control of another problem would be read beyond its end.
template <class T>
void check_control(const Control<T>& u, const ProblemDefinition<T>& definition) {
  const Index size = definition.field->layout().size();
  const Index intervals = active_intervals(definition);
  if (u.layout().size() != size || u.intervals() != intervals) {
    throw InputError(fmt::format(
        "the control has {} intervals of {} numbers, but the problem has {} intervals of {}; start from "
        "zero_control()",
        u.intervals(), u.layout().size(), intervals, size));
  }
}

void check_batch(std::span<const Index> batch, Index samples) {
  if (batch.empty()) {
    throw InputError("the batch is empty; name at least one sample");
  }
  for (const Index d : batch) {
    if (d < 0 || d >= samples) {
      throw InputError(
          fmt::format("the batch names sample {}, but there are samples 0 to {} only", d, samples - 1));
    }
  }
}

template <class T>
Objective in_double(const ObjectiveTerms<T>& terms, Index samples) {
  return {static_cast<double>(terms.running),
          static_cast<double>(terms.control),
          static_cast<double>(terms.terminal),
          static_cast<double>(terms.right) / static_cast<double>(samples),
          terms.gradient_norm,
          terms.status,
          terms.value_failed};
}

}  // namespace

std::string IntegrationStatus::message() const {
  if (ok()) {
    return "succeeded";
  }
  std::string text = fmt::format("{} in layer {} (t = {:.6g}, step size {:.3g}", describe(step.outcome),
                                 interval, step.t, step.h);
  if (sample >= 0) {
    text += fmt::format(", sample {}", sample);
  }
  text += ")";
  if (step.detail != nullptr) {
    text += fmt::format("; {}", step.detail);
  }
  return text;
}

template <class T>
struct OptimalControlProblem<T>::Workspace {
  EnsembleEvaluator<T> evaluator;
};

template <class T>
OptimalControlProblem<T>::OptimalControlProblem(ProblemDefinition<T> definition, const Dataset<T>& data)
    : OptimalControlProblem(std::move(definition), std::make_shared<const Dataset<T>>(data)) {}

template <class T>
OptimalControlProblem<T>::OptimalControlProblem(ProblemDefinition<T> definition,
                                                std::shared_ptr<const Dataset<T>> samples) {
  const Dataset<T>& data = *samples;
  if (!definition.field || !definition.integrator) {
    throw InputError("an optimal control problem needs a field and an integrator; set both");
  }
  if (data.size() < 1 || static_cast<Index>(data.labels.size()) != data.size()) {
    throw InputError(fmt::format("the data set has {} samples and {} labels; give one label a sample",
                                 data.size(), data.labels.size()));
  }
  const Index n = definition.field->state_dimension();
  check_cost(definition.running.get(), "running", n, data.class_count());
  check_cost(definition.terminal.get(), "terminal", n, data.class_count());
  for (const int label : data.labels) {
    if (label < 0 || label >= data.class_count()) {
      throw InputError(fmt::format("label {} is outside 0 to {}", label, data.class_count() - 1));
    }
  }
  check_weight(definition.gamma, "gamma");
  check_weight(definition.r, "r");
  if (definition.threads < 1 || definition.tile < 0) {
    throw InputError(
        fmt::format("run.threads = {} and run.tile = {}; give at least 1 thread and a tile of "
                    "at least 0 samples",
                    definition.threads, definition.tile));
  }
  check_state_dimension(n, data.feature_count());
  const Index K = definition.grid.intervals();
  if (definition.active_intervals < 0 || definition.active_intervals > K) {
    throw InputError(
        fmt::format("control.active_intervals = {}; give a number from 1 to control.intervals = {}",
                    definition.active_intervals, K));
  }
  if (active_intervals(definition) < K) {
    if (!definition.integrator->traits().keeps_equilibria) {
      throw InputError(fmt::format(
          "control.active_intervals = {} needs a scheme that keeps equilibria, but '{}' does not; "
          "choose another or train all {} intervals",
          definition.active_intervals, definition.integrator->traits().name, K));
    }
    if (definition.running && definition.running->depends_on_control()) {
      throw InputError(
          "control.active_intervals needs a running cost that does not depend on the control; train all "
          "intervals");
    }
  }
  if (definition.recomputation != Recomputation::none && definition.snapshots < 1) {
    throw InputError(
        fmt::format("run.snapshots = {}; give at least 1 state to keep, or set run.recomputation = none",
                    definition.snapshots));
  }
  workspace_ = std::unique_ptr<Workspace>(new Workspace{{std::move(definition), std::move(samples)}});
}

template <class T>
OptimalControlProblem<T>::OptimalControlProblem(OptimalControlProblem&&) noexcept = default;
template <class T>
OptimalControlProblem<T>& OptimalControlProblem<T>::operator=(OptimalControlProblem&&) noexcept = default;
template <class T>
OptimalControlProblem<T>::~OptimalControlProblem() = default;

template <class T>
const ProblemDefinition<T>& OptimalControlProblem<T>::definition() const {
  return workspace_->evaluator.definition();
}

template <class T>
Index OptimalControlProblem<T>::sample_count() const {
  return workspace_->evaluator.sample_count();
}

template <class T>
std::span<const int> OptimalControlProblem<T>::labels() const {
  return workspace_->evaluator.labels();
}

template <class T>
Control<T> OptimalControlProblem<T>::zero_control() const {
  return {definition().field->layout(), active_intervals(definition())};
}

template <class T>
bool OptimalControlProblem<T>::fails_before_gradient(Index samples) const {
  return workspace_->evaluator.in_one_group(samples);
}

template <class T>
Objective OptimalControlProblem<T>::value(const Control<T>& u) {
  check_control(u, definition());
  return in_double(workspace_->evaluator.value(u), sample_count());
}

template <class T>
Objective OptimalControlProblem<T>::value_and_gradient(const Control<T>& u, Control<T>& gradient) {
  return value_and_gradient(u, gradient, GradientSink<T>());
}

template <class T>
Objective OptimalControlProblem<T>::value_and_gradient(const Control<T>& u, Control<T>& gradient,
                                                       const GradientSink<T>& sink) {
  check_control(u, definition());
  check_control(gradient, definition());
  return in_double(workspace_->evaluator.value_and_gradient(u, {}, gradient, sink), sample_count());
}

template <class T>
Objective OptimalControlProblem<T>::value_and_gradient(const Control<T>& u, std::span<const Index> batch,
                                                       Control<T>& gradient) {
  return value_and_gradient(u, batch, gradient, GradientSink<T>());
}

template <class T>
Objective OptimalControlProblem<T>::value_and_gradient(const Control<T>& u, std::span<const Index> batch,
                                                       Control<T>& gradient, const GradientSink<T>& sink) {
  check_control(u, definition());
  check_control(gradient, definition());
  check_batch(batch, sample_count());
  return in_double(workspace_->evaluator.value_and_gradient(u, batch, gradient, sink),
                   static_cast<Index>(batch.size()));
}

template <class T>
Objective OptimalControlProblem<T>::visit_states(const Control<T>& u, const StateVisitor<T>& visit,
                                                 Index points) {
  check_control(u, definition());
  assert(points >= 1);
  return in_double(workspace_->evaluator.visit_states(u, points, visit), sample_count());
}

template <class T>
std::vector<State<T>> OptimalControlProblem<T>::states(const Control<T>& u, IntegrationStatus& status,
                                                       Index points) {
  check_control(u, definition());
  assert(points >= 1);
  return workspace_->evaluator.states(u, status, points);
}

template class OptimalControlProblem<float>;
template class OptimalControlProblem<double>;

}  // namespace turnpike
