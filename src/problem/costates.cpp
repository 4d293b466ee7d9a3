#include "turnpike/costates.hpp"

#include <fmt/format.h>
#include <cmath>
#include <span>

#include "problem/ensemble_evaluator.hpp"
#include "turnpike/error.hpp"

namespace turnpike {

namespace {

/// Loads the samples `first` to `first + columns` − 1 as initial states.
template <class T>
void load(const Dataset<T>& data, Index first, State<T>& X) {
  X.setConstant(T(0));
  X.topRows(data.features.rows()) = data.features.middleCols(first, X.cols());
}

template <class T>
class CostatePass {
 public:
  CostatePass(const ProblemDefinition<T>& definition, const Dataset<T>& data, const Control<T>& u,
              const CostateVisitor<T>& visit, CostateProfile& profile)
      : definition_(definition), data_(data), u_(u), visit_(visit), profile_(profile) {}

  IntegrationStatus run(Index first, Index columns) {
    const Index K = definition_.grid.intervals();
    const T scale = T(1) / T(static_cast<double>(data_.size()));
    TileWork<T> tile(definition_, columns);
    const std::span<const int> labels =
        std::span<const int>(data_.labels)
            .subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(columns));
    tile.set_labels(labels, scale);
    load(data_, first, tile.state());
    std::vector<State<T>> X(static_cast<std::size_t>(K) + 1);
    IntegrationStatus status =
        tile.advance(u_, true, [&](Index k) { X[static_cast<std::size_t>(k)] = tile.state(); });
    if (status.ok() && !tile.is_finite_at_end()) {
      status = {{StepOutcome::not_finite, definition_.grid.node(K - 1), definition_.grid.length(K - 1), -1},
                K - 1,
                -1};
    }
    if (!status.ok()) {
      return status;
    }
    EnsembleSystem<T> system(*definition_.field, definition_.running.get(), columns);
    State<T> targets(definition_.running ? definition_.running->rows() : 0, columns);
    if (definition_.running) {
      definition_.running->make_targets(labels, tile_of(targets));
    }
    system.set_targets(tile_of(std::as_const(targets)), scale);
    State<T> slope(X.front().rows(), columns);
    std::vector<T> record(static_cast<std::size_t>(system.record_size()));
    std::vector<T> unused(static_cast<std::size_t>(u_.layout().size()));
    const auto hamiltonian = [&](Index k, Index interval) {
      const State<T>& x = X[static_cast<std::size_t>(k)];
      system.set_control(u_.interval(interval));
      const T loss = system.evaluate(T(definition_.grid.node(k)), tile_of(x), tile_of(slope), record.data());
      return static_cast<double>(loss) +
             tile.costate().template cast<double>().cwiseProduct(slope.template cast<double>()).sum();
    };
    tile.begin_pull_back();
    for (Index k = K;; --k) {
      const auto at = static_cast<std::size_t>(k);
      profile_.norm[at] += tile.costate().template cast<double>().colwise().norm().sum();
      if (visit_) {
        visit_(k, first, tile_of(std::as_const(X[at])), tile_of(tile.costate()));
      }
      if (k < K) {
        profile_.hamiltonian_begin[at] += hamiltonian(k, k);
      }
      if (k == 0) {
        return {};
      }
      profile_.hamiltonian_end[at - 1] += hamiltonian(k, k - 1);
      status = tile.pull_back(u_, k - 1, k, unused.data(), definition_.stop);
      if (!status.ok()) {
        return status;
      }
    }
  }

 private:
  const ProblemDefinition<T>& definition_;
  const Dataset<T>& data_;
  const Control<T>& u_;
  const CostateVisitor<T>& visit_;
  CostateProfile& profile_;
};

}  // namespace

template <class T>
CostateProfile measure_costates(const ProblemDefinition<T>& given, const Dataset<T>& data,
                                const Control<T>& u, const CostateVisitor<T>& visit) {
  ProblemDefinition<T> definition = given;
  definition.active_intervals = 0;
  const OptimalControlProblem<T> checked(definition,
                                         std::shared_ptr<const Dataset<T>>(std::shared_ptr<void>(), &data));
  const Index K = definition.grid.intervals();
  if (u.intervals() != K || u.layout().size() != definition.field->layout().size()) {
    throw InputError(fmt::format(
        "the control has {} intervals of {} numbers, but costates need all {} intervals of {}; see "
        "followed_by_zeros()",
        u.intervals(), u.layout().size(), K, definition.field->layout().size()));
  }
  CostateProfile profile;
  const auto intervals = static_cast<std::size_t>(K);
  profile.norm.assign(intervals + 1, 0);
  profile.hamiltonian_begin.assign(intervals, 0);
  profile.hamiltonian_end.assign(intervals, 0);
  CostatePass<T> pass(definition, data, u, visit, profile);
  const Index width =
      std::min(data.size(), definition.tile > 0 ? definition.tile : default_tile(data.size()));
  for (Index first = 0; first < data.size(); first += width) {
    const IntegrationStatus status = pass.run(first, std::min(width, data.size() - first));
    if (!status.ok()) {
      profile.status = status;
      profile.status.sample = status.step.column < 0 ? -1 : first + status.step.column;
      return profile;
    }
  }
  for (std::size_t k = 0; k < intervals; ++k) {
    const double size = control_norm(u, static_cast<Index>(k));
    profile.hamiltonian_begin[k] += definition.r * size * size;
    profile.hamiltonian_end[k] += definition.r * size * size;
  }
  return profile;
}

template CostateProfile measure_costates(const ProblemDefinition<float>&, const Dataset<float>&,
                                         const Control<float>&, const CostateVisitor<float>&);
template CostateProfile measure_costates(const ProblemDefinition<double>&, const Dataset<double>&,
                                         const Control<double>&, const CostateVisitor<double>&);

}  // namespace turnpike
