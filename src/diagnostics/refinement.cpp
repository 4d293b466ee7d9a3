#include "turnpike/refinement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "core/tolerances.hpp"
#include "turnpike/error.hpp"

namespace turnpike {

namespace {

constexpr Index most_samples = 1000;
constexpr Index fewest_samples = 50;
/// Products of a weight and an activation in all runs together.
constexpr double most_work = 2e11;
constexpr Index most_converged_dimension = 64;
constexpr double converged_tolerance = 1e-8;
constexpr double finest_tolerance = 1e-12;
constexpr std::size_t rungs = 3;

/// Whether the scheme of `traits` chooses its steps by an error estimate, made with `options`.
bool is_error_controlled(const IntegratorTraits& traits, const IntegratorOptions& options) {
  return options.rtol || options.atol || !traits.fixed_steps;
}

double finer_tolerance(double own, double share) {
  return std::min(own, std::max(own * share, finest_tolerance));
}

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
  const Tolerances<double> own = asked_tolerances(traits, options);
  std::vector<IntegratorOptions> ladder;
  for (std::size_t rung = 1; rung <= rungs; ++rung) {
    IntegratorOptions finer = options;
    if (is_error_controlled(traits, options)) {
      const double share = std::pow(10.0, -static_cast<double>(rung));
      finer.rtol = finer_tolerance(own.rtol, share);
      if (options.atol) {
        finer.atol = finer_tolerance(*options.atol, share);
      }
      const Tolerances<double> before = ladder.empty() ? own : asked_tolerances(traits, ladder.back());
      if (*finer.rtol == before.rtol && finer.atol.value_or(*finer.rtol) == before.atol) {
        break;
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

const RefinedRun* RefinementGap::finest() const {
  if (converged && converged->failure.empty()) {
    return &*converged;
  }
  const auto last = std::find_if(finer.rbegin(), finer.rend(),
                                 [](const RefinedRun& finer_run) { return finer_run.failure.empty(); });
  return last == finer.rend() ? nullptr : &*last;
}

std::optional<double> RefinementGap::relative() const {
  const RefinedRun* const reference = finest();
  if (reference == nullptr || !own.failure.empty() || reference->objective == 0) {
    return std::nullopt;
  }
  return std::abs(own.objective - reference->objective) / std::abs(reference->objective);
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
  const std::vector<IntegratorOptions> ladder = finer_options(traits, options);
  const bool error_controlled = is_error_controlled(traits, options);
  const Tolerances<double> own = asked_tolerances(traits, options);
  if (ladder.size() < rungs) {
    gap.skipped = fmt::format(
        "below the own tolerances, rtol = {:.3g} and atol = {:.3g}, {} of {} finer ones are left down to "
        "{:.0e}",
        own.rtol, own.atol, ladder.size(), rungs, finest_tolerance);
  }
  for (const IntegratorOptions& finer : ladder) {
    try {
      gap.finer.push_back(with(traits.name, finer));
    } catch (const InputError& refused) {  // a scheme of the user's that knows no such steps
      gap.skipped = refused.what();
      break;
    }
  }
  const std::vector<std::string> names = integrators.names();
  const bool solvable = definition.field->state_dimension() <= most_converged_dimension;
  if (solvable && std::find(names.begin(), names.end(), "cvodes-bdf") != names.end()) {
    double tolerance = converged_tolerance;
    if (error_controlled) {
      const double share = std::pow(10.0, -static_cast<double>(rungs));
      tolerance = std::max(std::min(tolerance, share * std::min(own.rtol, own.atol)), finest_tolerance);
    }
    if (!error_controlled || tolerance < std::max(own.rtol, own.atol)) {
      IntegratorOptions converged;
      converged.rtol = tolerance;
      gap.converged = with("cvodes-bdf", converged);
    }
  }
  return gap;
}

}  // namespace turnpike
