#include "diagnostics/conformance_problem.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "turnpike/random.hpp"

namespace turnpike::conformance {

namespace {

/// Random numbers of different uses under one seed.
enum Stream : std::uint64_t { control_stream = 1, state_stream = 2 };

}  // namespace

template <class T>
std::shared_ptr<const IntervalMethod<T>> reference_method(std::string_view name, Index substeps) {
  IntegratorOptions options;
  options.substeps = substeps;
  return builtin_integrators().make<T>(name, options);
}

template <class T>
std::shared_ptr<const VectorField<T>> TestProblem::field() const {
  if (two_layer) {
    return make_two_layer_field<T>(n, hidden, activation, outer);
  }
  return make_single_layer_field<T>(n, activation);
}

template <class T>
State<T> TestProblem::initial_state() const {
  Random random(seed, RandomPurpose::check, state_stream);
  State<T> X(n, samples);
  std::generate_n(X.data(), X.size(),
                  [&] { return static_cast<T>(random.uniform(-state_size, state_size)); });
  return X;
}

template <class T>
Control<T> TestProblem::control() const {
  Random random(seed, RandomPurpose::check, control_stream);
  Control<T> u(field<T>()->layout(), grid.intervals());
  for (T& entry : u.values()) {
    entry = static_cast<T>(random.uniform(-control_size, control_size));
  }
  return u;
}

template <class T>
OptimalControlProblem<T> TestProblem::with(std::shared_ptr<const IntervalMethod<T>> method) const {
  return with<T>(std::move(method), initial_state<T>());
}

template <class T>
OptimalControlProblem<T> TestProblem::with(std::shared_ptr<const IntervalMethod<T>> method,
                                           const State<T>& X0) const {
  ProblemDefinition<T> definition;
  definition.field = field<T>();
  definition.grid = grid;
  definition.integrator = std::move(method);
  if (n >= 2) {
    definition.running = make_soft_cross_entropy<T>(first_components(2), 0.9);
    definition.terminal = definition.running;
  }
  definition.gamma = 1.5;
  definition.r = 0.01;
  definition.tile = tile;
  definition.threads = threads;
  Dataset<T> data;
  data.features = X0;
  data.classes = {"0", "1"};
  for (Index d = 0; d < X0.cols(); ++d) {
    data.labels.push_back(static_cast<int>(d % 2));
  }
  return OptimalControlProblem<T>(std::move(definition), data);
}

namespace {

template <class T>
class ControlDependentCost final : public Cost<T> {
 public:
  explicit ControlDependentCost(Index control_dimension) : control_dimension_(control_dimension) {}

  [[nodiscard]] Index rows() const override { return 1; }
  [[nodiscard]] std::span<const Index> components() const override { return components_; }
  void make_targets(std::span<const int> /*labels*/, Tile<T> /*targets*/) const override {}
  [[nodiscard]] bool depends_on_control() const override { return true; }

  T evaluate(const T* u, ConstTile<T> X, ConstTile<T> /*targets*/, T scale, Tile<T> gradient) const override {
    const T square = squared_norm(u);
    const T weight = T(1) + square / size();
    T sum(0);
    for (Index d = 0; d < X.columns; ++d) {
      sum += weight * X(0, d) * X(0, d) + square / T(2);
      if (gradient.data != nullptr) {
        gradient(0, d) = scale * T(2) * weight * X(0, d);
      }
    }
    return scale * sum;
  }

  void add_control_gradient(const T* u, ConstTile<T> X, ConstTile<T> /*targets*/, T scale, T mu,
                            T* ubar) const override {
    T sum(0);
    for (Index d = 0; d < X.columns; ++d) {
      sum += T(2) * X(0, d) * X(0, d) / size() + T(1);
    }
    for (Index i = 0; i < control_dimension_; ++i) {
      ubar[i] += mu * scale * u[i] * sum;
    }
  }

 private:
  [[nodiscard]] T size() const { return static_cast<T>(control_dimension_); }
  [[nodiscard]] T squared_norm(const T* u) const {
    T sum(0);
    for (Index i = 0; i < control_dimension_; ++i) {
      sum += u[i] * u[i];
    }
    return sum;
  }

  std::vector<Index> components_ = {0};
  Index control_dimension_;
};

}  // namespace

template <class T>
std::shared_ptr<const Cost<T>> make_control_dependent_cost(Index control_dimension) {
  return std::make_shared<ControlDependentCost<T>>(control_dimension);
}

template <class T>
IntervalRig<T>::IntervalRig(const TestProblem& problem, std::shared_ptr<const IntervalMethod<T>> method,
                            Running running)
    : field_(problem.field<T>()),
      cost_(running == Running::none ? nullptr : make_control_dependent_cost<T>(field_->layout().size())),
      method_(std::move(method)),
      targets_(1, problem.samples),
      system_(*field_, cost_.get(), problem.samples) {
  targets_.setZero();
  system_.set_targets(tile_of(std::as_const(targets_)), T(1) / static_cast<T>(problem.samples));
  // Some methods look at the field when they set up their memory.
  renew();
}

template <class T>
typename IntervalRig<T>::Advanced IntervalRig<T>::advance(const State<T>& X, const std::vector<T>& u,
                                                          bool taped) {
  State<T> padded(X.rows(), X.cols() + padding_);
  padded.setConstant(std::numeric_limits<T>::quiet_NaN());
  padded.leftCols(X.cols()) = X;
  Advanced result{X, T(0), {}};
  tape_.clear();
  system_.set_control(u.data());
  result.status =
      method_->advance(system_, T(t_begin), T(t_end), {padded.data(), X.rows(), X.cols(), padded.cols()},
                       result.cost, taped ? &tape_ : nullptr, *workspace_);
  result.X = padded.leftCols(X.cols());
  return result;
}

template <class T>
typename IntervalRig<T>::PulledBack IntervalRig<T>::pull_back(const std::vector<T>& u, const State<T>& lambda,
                                                              T mu, T ubar) {
  State<T> padded(lambda.rows(), lambda.cols() + padding_);
  padded.setConstant(std::numeric_limits<T>::quiet_NaN());
  padded.leftCols(lambda.cols()) = lambda;
  PulledBack result{lambda, std::vector<T>(u.size(), ubar), {}};
  system_.set_control(u.data());
  result.status = method_->pull_back(system_, T(t_begin), T(t_end), mu,
                                     {padded.data(), lambda.rows(), lambda.cols(), padded.cols()},
                                     result.ubar.data(), tape_.steps(0, tape_.size()), *workspace_);
  result.Xbar = padded.leftCols(lambda.cols());
  return result;
}

template <class T>
bool same_bits(std::span<const T> a, std::span<const T> b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

template std::shared_ptr<const IntervalMethod<float>> reference_method(std::string_view, Index);
template std::shared_ptr<const VectorField<float>> TestProblem::field() const;
template State<float> TestProblem::initial_state() const;
template Control<float> TestProblem::control() const;
template OptimalControlProblem<float> TestProblem::with(std::shared_ptr<const IntervalMethod<float>>) const;
template OptimalControlProblem<float> TestProblem::with(std::shared_ptr<const IntervalMethod<float>>,
                                                        const State<float>&) const;
template std::shared_ptr<const Cost<float>> make_control_dependent_cost(Index);
template class IntervalRig<float>;
template bool same_bits(std::span<const float>, std::span<const float>);
template std::shared_ptr<const IntervalMethod<double>> reference_method(std::string_view, Index);
template std::shared_ptr<const VectorField<double>> TestProblem::field() const;
template State<double> TestProblem::initial_state() const;
template Control<double> TestProblem::control() const;
template OptimalControlProblem<double> TestProblem::with(std::shared_ptr<const IntervalMethod<double>>) const;
template OptimalControlProblem<double> TestProblem::with(std::shared_ptr<const IntervalMethod<double>>,
                                                         const State<double>&) const;
template std::shared_ptr<const Cost<double>> make_control_dependent_cost(Index);
template class IntervalRig<double>;
template bool same_bits(std::span<const double>, std::span<const double>);

}  // namespace turnpike::conformance
