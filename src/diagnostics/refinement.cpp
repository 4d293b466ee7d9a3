#include "turnpike/refinement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "turnpike/error.hpp"

namespace turnpike {

namespace {

constexpr Index most_samples = 1000;
constexpr Index fewest_samples = 50;
/// Products of a weight and an activation in all runs together.
constexpr double most_work = 2e11;
constexpr Index most_converged_dimension = 64;
constexpr double converged_rtol = 1e-8;
constexpr double finest_rtol = 1e-12;
constexpr double usual_rtol = 1e-6;  // of schemes under error control
constexpr int rungs = 3;

RefinedRun run(const ProblemDefinition<double>& definition, std::string entry,
               const std::shared_ptr<const Dataset<double>>& data, const Control<double>& u) {
  RefinedRun result;
  result.scheme = std::move(entry);
  OptimalControlProblem<double> problem(definition, data);
  const Cost<double>& loss = definition.terminal ? *definition.terminal : *definition.running;
  std::vector<double> losses(static_cast<std::size_t>(data->size()));
  const Index last = definition.grid.intervals();
  const Objective V = problem.visit_states(u, [&](Index k, Index first, ConstTile<double> X) {
    if (k == last) {
      const std::span<const int> labels(data->labels.data() + first, static_cast<std::size_t>(X.columns));
      const std::vector<double> own = sample_losses<double>(loss, X, labels);
      std::copy(own.begin(), own.end(), losses.begin() + first);
    }
  });
  if (!V.status.ok()) {
    result.failure = V.status.message();
    return result;
  }
  result.objective = V.total();
  result.terminal_loss =
      std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(losses.size());
  result.accuracy = V.accuracy;
  return result;
}

}  // namespace

std::vector<IntegratorOptions> finer_options(const IntegratorTraits& traits,
                                             const IntegratorOptions& options) {
  const bool tolerances = options.rtol || options.atol || !traits.fixed_steps;
  std::vector<IntegratorOptions> ladder;
  for (int rung = 1; rung <= rungs; ++rung) {
    IntegratorOptions finer = options;
    if (tolerances) {
      const double share = std::pow(10.0, -rung);
      finer.rtol = std::max(options.rtol.value_or(usual_rtol) * share, finest_rtol);
      if (options.atol) {
        finer.atol = *options.atol * share;
      }
    } else {
      finer.substeps = options.substeps.value_or(1) << rung;
    }
    ladder.push_back(finer);
  }
  return ladder;
}

std::string scheme_entry(const std::string& scheme, const IntegratorOptions& options) {
  std::string entry = scheme;
  if (options.substeps) {
    entry += fmt::format(":substeps={}", *options.substeps);
  }
  if (options.rtol) {
    entry += fmt::format(":rtol={:.3g}", *options.rtol);
  }
  if (options.atol) {
    entry += fmt::format(":atol={:.3g}", *options.atol);
  }
  return entry;
}

std::optional<double> RefinementGap::relative() const {
  const RefinedRun* finest = converged && converged->failure.empty() ? &*converged : nullptr;
  for (const RefinedRun& finer_run : finer) {
    if (finer_run.failure.empty() && !(converged && converged->failure.empty())) {
      finest = &finer_run;
    }
  }
  if (finest == nullptr || !own.failure.empty() || finest->objective == 0) {
    return std::nullopt;
  }
  return std::abs(own.objective - finest->objective) / std::abs(finest->objective);
}

Index refinement_samples(const ProblemDefinition<double>& definition, const IntegratorOptions& options,
                         Index samples) {
  const IntegratorTraits& traits = definition.integrator->traits();
  // 1 + 2 + 4 + 8 times the steps; a Newton iteration solves a system of the state's size.
  const double runs =
      15 * static_cast<double>(options.substeps.value_or(1)) * traits.stages * (traits.implicit ? 10.0 : 1.0);
  const double work = runs * static_cast<double>(definition.grid.intervals()) *
                      static_cast<double>(definition.field->layout().size());
  const auto affordable = static_cast<Index>(std::min(most_work / work, 1e9));
  return std::min(samples, std::clamp(affordable, fewest_samples, most_samples));
}

RefinementGap refinement_gap(const ProblemDefinition<double>& definition, const IntegratorOptions& options,
                             const Dataset<double>& data, const Control<double>& u,
                             const IntegratorRegistry& integrators) {
  const std::shared_ptr<const Dataset<double>> samples(std::shared_ptr<void>(), &data);
  const IntegratorTraits& traits = definition.integrator->traits();
  RefinementGap gap;
  gap.samples = data.size();
  gap.own = run(definition, scheme_entry(traits.name, options), samples, u);

  const auto with = [&](const std::string& name, const IntegratorOptions& finer) {
    ProblemDefinition<double> other = definition;
    other.integrator = integrators.make<double>(name, finer);
    return run(other, scheme_entry(name, finer), samples, u);
  };
  for (const IntegratorOptions& finer : finer_options(traits, options)) {
    try {
      gap.finer.push_back(with(traits.name, finer));
    } catch (const InputError& refused) {  // a scheme of the user's that knows no such steps
      gap.skipped = refused.what();
      gap.finer.clear();
      break;
    }
  }
  const std::vector<std::string> names = integrators.names();
  const bool solvable = definition.field->state_dimension() <= most_converged_dimension;
  if (solvable && std::find(names.begin(), names.end(), "cvodes-bdf") != names.end()) {
    IntegratorOptions converged;
    converged.rtol = converged_rtol;
    gap.converged = with("cvodes-bdf", converged);
  }
  return gap;
}

}  // namespace turnpike
