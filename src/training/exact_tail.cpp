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
template <class T>
using MatrixOf = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
template <class T>
using VectorOf = Eigen::Matrix<T, Eigen::Dynamic, 1>;

/// The states [x_d; 1] and the costates λ_d of the loss components, one column a sample.
template <class T>
struct TailSamples {
  MatrixOf<T> states;
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
TailSamples<T> tail_samples(OptimalControlProblem<T>& problem, const Control<T>& u) {
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
  TailSamples<T> samples;
  samples.costates = Matrix::Zero(static_cast<Index>(components.size()), X.cols());
  const double left = definition.grid.horizon() - definition.grid.node(M + 1);
  const double h = definition.grid.length(M);
  const double within = definition.running ? share_in_running_cost(definition, h) * h : 0;
  add_costates(definition.running.get(), left + within, X, problem.labels(), samples.costates, components);
  add_costates(definition.terminal.get(), definition.gamma, X, problem.labels(), samples.costates,
               components);
  samples.states.resize(X.rows() + 1, X.cols());
  samples.states.topRows(X.rows()) = X;
  samples.states.bottomRows(1).setOnes();
  return samples;
}

double largest_singular_value(const Matrix& A) {
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(A * A.transpose(), Eigen::EigenvaluesOnly);
  return std::sqrt(std::max(0.0, solver.eigenvalues().maxCoeff()));
}

/// Unit vectors w to start an ascent from: some in the row space of Σ_d λ_d [x_d; 1]ᵀ, which is all that the
/// odd half of σ sees, and for the even half, |z|, some of the full space, [x_d; 1] and x_d of some samples.
template <class T>
std::vector<VectorOf<T>> ascent_starts(const MatrixOf<T>& states, const MatrixOf<T>& costates) {
  constexpr Index of_each_kind = 4;
  Random random(1, RandomPurpose::data);
  const auto random_vector = [&](Index size) {
    VectorOf<T> v(size);
    for (Index i = 0; i < size; ++i) {
      v[i] = static_cast<T>(random.uniform(-1.0, 1.0));
    }
    return v;
  };
  const MatrixOf<T> moment = costates * states.transpose();
  std::vector<VectorOf<T>> starts;
  for (Index i = 0; i < 2 * of_each_kind; ++i) {
    starts.push_back(moment.transpose() * random_vector(moment.rows()));
  }
  for (Index i = 0; i < of_each_kind; ++i) {
    starts.push_back(random_vector(states.rows()));
    starts.push_back(states.col(i * states.cols() / of_each_kind));
    starts.push_back(starts.back());
    starts.back().bottomRows(1).setZero();
  }
  std::erase_if(starts, [](const VectorOf<T>& w) { return !(w.norm() > 0); });
  for (VectorOf<T>& w : starts) {
    w.normalize();
  }
  return starts;
}

/// max over unit w of ‖Σ_d λ_d σ(wᵀ[x_d; 1])‖, σ = max(z, 0) + slope · min(z, 0): ascent from several starts,
/// each step of which goes to the direction of the gradient or, where that does not ascend, so far towards it
/// that it does. The result is a lower bound.
template <class T>
double kinked_rate(const TailSamples<T>& samples, double slope) {
  const MatrixOf<T> costates = samples.costates.template cast<T>();
  const auto response = [&](const VectorOf<T>& w, VectorOf<T>& gradient) {
    const VectorOf<T> z = samples.states.transpose() * w;
    const VectorOf<T> derivative = (z.array() > 0).select(VectorOf<T>::Ones(z.size()), static_cast<T>(slope));
    const VectorOf<T> image = costates * derivative.cwiseProduct(z);
    const double size = image.template cast<double>().norm();
    if (size > 0) {
      const VectorOf<T> direction = image / static_cast<T>(size);
      gradient = samples.states * derivative.cwiseProduct(costates.transpose() * direction);
    } else {
      gradient.setZero(w.size());
    }
    return size;
  };
  constexpr int iterations = 30;
  constexpr int most_halvings = 6;
  double best = 0;
  for (VectorOf<T>& w : ascent_starts(samples.states, costates)) {
    VectorOf<T> gradient;
    double size = response(w, gradient);
    bool ascends = true;
    for (int i = 0; i < iterations && ascends && gradient.norm() > 0; ++i) {
      const VectorOf<T> step = gradient.normalized() - w;
      ascends = false;
      for (int halvings = 0; !ascends && halvings <= most_halvings; ++halvings) {
        const VectorOf<T> next = (w + std::ldexp(T(1), -halvings) * step).normalized();
        VectorOf<T> next_gradient;
        const double larger = response(next, next_gradient);
        if (larger > size * (1 + 1e-6)) {
          ascends = true;
          w = next;
          gradient = next_gradient;
          size = larger;
        }
      }
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
  if (!V.status.ok()) {
    throw NumericalError(fmt::format("the tail cannot be tested: {}", V.status.message()));
  }
  test.objective = V.total();
  test.gradient_norm = V.gradient_norm;
  const TailSamples<T> samples = tail_samples(problem, u);
  const double outer_slope = slope_at_zero(form.output);
  const Matrix moment = outer_slope * samples.costates * samples.states.template cast<double>().transpose();
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
      test.rate = outer_slope * kinked_rate(samples, slope_at_zero(*form.hidden));
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
