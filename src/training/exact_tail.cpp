#include "turnpike/exact_tail.hpp"

#include <fmt/format.h>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "turnpike/error.hpp"
#include "turnpike/random.hpp"

namespace turnpike {

namespace {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

double slope_at_zero(Activation activation) {
  return activation == Activation::gelu || activation == Activation::silu ? 0.5 : 1.0;
}

/// The states [x_d; 1] and the costates λ_d of the loss components, one column a sample.
struct TailSamples {
  Eigen::MatrixXf states;
  Matrix costates;
};

template <class T>
void add_costates(const Cost<T>* cost, double weight, const State<T>& X, std::span<const int> labels,
                  Matrix& costates, std::span<const Index> components) {
  if (cost == nullptr || weight == 0) {
    return;
  }
  State<T> targets(cost->rows(), X.cols());
  State<T> gradient(cost->rows(), X.cols());
  cost->make_targets(labels, tile_of(targets));
  (void)cost->evaluate(nullptr, tile_of(X), tile_of(std::as_const(targets)),
                       static_cast<T>(1.0 / static_cast<double>(X.cols())), tile_of(gradient));
  const std::span<const Index> own = cost->components();
  for (std::size_t i = 0; i < own.size(); ++i) {
    const auto row = std::find(components.begin(), components.end(), own[i]) - components.begin();
    costates.row(row) += weight * gradient.row(static_cast<Index>(i)).template cast<double>();
  }
}

/// θ in: over an interval of length h with ẋ = v small, x = x̄ at its start, the running cost is computed as
/// h ℓ(x̄) + θ h² ⟨ℓ_X, v⟩ + O(v²). Seen in the gradient at v = 0 of an interval with ẋ = v, ℓ = x² and x̄ =
/// 1/2, so that it is that of any scheme, its sub-steps and its quadrature.
template <class T>
double share_in_running_cost(const ProblemDefinition<T>& definition, double h) {
  ProblemDefinition<T> interval;
  interval.field = make_single_layer_field<T>(1, Activation::identity);
  interval.grid = TimeGrid::uniform(1, h);
  interval.integrator = definition.integrator;
  interval.quadrature = definition.quadrature;
  interval.running = make_quadratic_cost<T>({0}, State<double>::Zero(1, 1));
  Dataset<T> sample;
  sample.features = State<T>::Constant(1, 1, T(0.5));
  sample.labels = {0};
  sample.classes = {"the only one"};
  OptimalControlProblem<T> problem(std::move(interval), sample);
  Control<T> gradient = problem.zero_control();
  const Objective V = problem.value_and_gradient(problem.zero_control(), gradient);
  if (!V.status.ok()) {
    throw NumericalError(fmt::format("the tail cannot be tested: {}", V.status.message()));
  }
  return static_cast<double>(gradient.matrix("b", 0)(0, 0)) / (h * h);
}

template <class T>
TailSamples tail_samples(OptimalControlProblem<T>& problem, const Control<T>& u) {
  const ProblemDefinition<T>& definition = problem.definition();
  const Index M = u.intervals();
  State<T> X(definition.field->state_dimension(), problem.sample_count());
  const Objective V = problem.visit_states(u, [&](Index k, Index first, ConstTile<T> tile) {
    if (k == M) {
      X.middleCols(first, tile.columns) = matrix(tile);
    }
  });
  if (!V.status.ok()) {
    throw NumericalError(fmt::format("the tail cannot be tested: {}", V.status.message()));
  }
  std::vector<Index> components;
  for (const Cost<T>* cost : {definition.running.get(), definition.terminal.get()}) {
    if (cost != nullptr) {
      components.insert(components.end(), cost->components().begin(), cost->components().end());
    }
  }
  std::sort(components.begin(), components.end());
  components.erase(std::unique(components.begin(), components.end()), components.end());
  TailSamples samples;
  samples.costates = Matrix::Zero(static_cast<Index>(components.size()), X.cols());
  const double left = definition.grid.horizon() - definition.grid.node(M + 1);
  const double h = definition.grid.length(M);
  const double within = definition.running ? share_in_running_cost(definition, h) * h : 0;
  add_costates(definition.running.get(), left + within, X, problem.labels(), samples.costates, components);
  add_costates(definition.terminal.get(), definition.gamma, X, problem.labels(), samples.costates,
               components);
  samples.states.resize(X.rows() + 1, X.cols());
  samples.states.topRows(X.rows()) = X.template cast<float>();
  samples.states.bottomRows(1).setOnes();
  return samples;
}

double largest_singular_value(const Matrix& A) {
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(A * A.transpose(), Eigen::EigenvaluesOnly);
  return std::sqrt(std::max(0.0, solver.eigenvalues().maxCoeff()));
}

/// max over unit w of ‖Σ_d λ_d σ(wᵀx_d)‖, σ = max(z, 0) + slope · min(z, 0): ascent from several starts, each
/// step of which takes the direction of the gradient while that ascends, so that the result is a lower bound.
double kinked_rate(const TailSamples& samples, double slope) {
  const Eigen::MatrixXf costates = samples.costates.cast<float>();
  const auto response = [&](const Eigen::VectorXf& w, Eigen::VectorXf& image, Eigen::VectorXf& gradient) {
    const Eigen::VectorXf z = samples.states.transpose() * w;
    const Eigen::VectorXf derivative =
        (z.array() > 0).select(Eigen::VectorXf::Ones(z.size()), static_cast<float>(slope));
    image = costates * derivative.cwiseProduct(z);
    const double size = image.cast<double>().norm();
    if (size > 0) {
      const Eigen::VectorXf direction = image / static_cast<float>(size);
      gradient = samples.states * derivative.cwiseProduct(costates.transpose() * direction);
    } else {
      gradient.setZero(w.size());
    }
    return size;
  };
  const Eigen::MatrixXf moment = costates * samples.states.transpose();
  constexpr int starts = 8;
  constexpr int iterations = 30;
  double best = 0;
  Random random(1, RandomPurpose::data);
  for (int start = 0; start < starts; ++start) {
    Eigen::VectorXf weights(moment.rows());
    for (Index i = 0; i < weights.size(); ++i) {
      weights[i] = static_cast<float>(random.uniform(-1.0, 1.0));
    }
    Eigen::VectorXf w = moment.transpose() * weights;
    if (!(w.norm() > 0)) {
      return best;
    }
    w.normalize();
    Eigen::VectorXf image;
    Eigen::VectorXf gradient;
    double size = response(w, image, gradient);
    for (int i = 0; i < iterations && gradient.norm() > 0; ++i) {
      const Eigen::VectorXf next = gradient.normalized();
      const double larger = response(next, image, gradient);
      best = std::max(best, std::max(size, larger));
      if (larger <= size * (1 + 1e-6)) {
        break;
      }
      size = larger;
    }
    best = std::max(best, size);
  }
  return best;
}

}  // namespace

template <class T>
TailTest test_tail(OptimalControlProblem<T>& problem, const Control<T>& u) {
  const ProblemDefinition<T>& definition = problem.definition();
  const FieldForm form = demand_form(*definition.field, "the tail test");
  const Index M = u.intervals();
  if (M >= definition.grid.intervals()) {
    throw InputError(fmt::format("all {} intervals are active; there is no tail to test", M));
  }
  if (!is_smooth(form.output)) {
    throw InputError(
        fmt::format("the tail test needs a smooth {} activation, not {}; set control.extend_by = 0",
                    form.hidden ? "outer" : "field", name_of(form.output)));
  }
  TailTest test;
  test.active = M;
  test.r = definition.r;
  Control<T> gradient = problem.zero_control();
  const Objective V = problem.value_and_gradient(u, gradient);
  test.objective = V.total();
  test.gradient_norm = V.gradient_norm;
  const TailSamples samples = tail_samples(problem, u);
  const double outer_slope = slope_at_zero(form.output);
  const Matrix moment = outer_slope * samples.costates * samples.states.cast<double>().transpose();
  const double h = definition.grid.length(M);
  const double g = form.hidden ? moment.rightCols(1).norm() : moment.norm();
  if (g > 0) {
    test.gradient_gain =
        definition.r > 0 ? h * g * g / (4 * definition.r) : std::numeric_limits<double>::infinity();
  }
  if (form.hidden) {
    if (is_smooth(*form.hidden)) {
      test.rate = slope_at_zero(*form.hidden) * largest_singular_value(moment);
    } else {
      test.rate = outer_slope * kinked_rate(samples, *form.hidden == Activation::leaky_relu ? 0.01 : 0.0);
    }
  }
  return test;
}

template <class T>
Control<T> followed_by_zeros(const Control<T>& u, Index intervals) {
  if (intervals < u.intervals()) {
    throw InputError(fmt::format("{} intervals cannot hold a control of {}", intervals, u.intervals()));
  }
  Control<T> longer(u.layout(), intervals);
  std::copy(u.values().begin(), u.values().end(), longer.values().begin());
  return longer;
}

template <class T>
TrainerState<T> extended(const TrainerState<T>& state, const Control<T>& start, Index active) {
  const auto before = static_cast<std::ptrdiff_t>(state.control.size());
  const auto after = static_cast<std::ptrdiff_t>(active * start.layout().size());
  if (after < before || start.size() < after) {
    throw InputError(
        fmt::format("a control of {} entries cannot be extended to {} active intervals from one of {}",
                    before, active, start.size()));
  }
  TrainerState<T> longer = state;
  longer.control.insert(longer.control.end(), start.values().begin() + before,
                        start.values().begin() + after);
  for (std::vector<T>* moment : {&longer.first_moment, &longer.second_moment}) {
    if (!moment->empty()) {
      moment->resize(static_cast<std::size_t>(after), T(0));
    }
  }
  return longer;
}

#define TURNPIKE_INSTANTIATE(T)                                              \
  template TailTest test_tail(OptimalControlProblem<T>&, const Control<T>&); \
  template Control<T> followed_by_zeros(const Control<T>&, Index);           \
  template TrainerState<T> extended(const TrainerState<T>&, const Control<T>&, Index);

TURNPIKE_INSTANTIATE(float)
TURNPIKE_INSTANTIATE(double)

}  // namespace turnpike
