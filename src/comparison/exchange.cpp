#include <fmt/format.h>

#include <utility>

#include "comparison/solving.hpp"
#include "turnpike/refinement.hpp"

namespace turnpike {

namespace {

constexpr double converged_rtol = 1e-9;

ExchangeCell run(const Experiment<double>& e, const RunConfig& config, std::string entry,
                 const Control<double>& u, const IntegratorRegistry& integrators) {
  const SchemeSolution s = comparison::solve(e, config, u, comparison::Wanted::states, integrators);
  ExchangeCell cell;
  cell.entry = std::move(entry);
  if (!s.objective.status.ok()) {
    cell.failure = s.objective.status.message();
    return cell;
  }
  cell.objective = s.objective.total();
  cell.accuracy = s.accuracy;
  return cell;
}

/// The trained control under its own scheme with finer steps, and under a fine one.
std::vector<ExchangeCell> refine(const Experiment<double>& e, const RunConfig& own, const Control<double>& u,
                                 const IntegratorRegistry& integrators) {
  const std::string& scheme = own.integrator.name;
  std::vector<ExchangeCell> cells;
  for (const IntegratorOptions& options :
       finer_options(integrators.find(scheme).traits, integrator_options(own))) {
    RunConfig finer = own;
    finer.integrator.substeps = options.substeps;
    finer.integrator.rtol = options.rtol;
    finer.integrator.atol = options.atol;
    cells.push_back(run(e, finer, scheme_entry(scheme, options), u, integrators));
  }
  cells.push_back(run(e, comparison::with_tolerance(own, "fehlberg78", converged_rtol),
                      fmt::format("fehlberg78:rtol={:.0e}", converged_rtol), u, integrators));
  return cells;
}

}  // namespace

std::vector<TrainedScheme> train_and_exchange(
    const Experiment<double>& e, const std::vector<ComparedScheme>& schemes,
    const IntegratorRegistry& integrators,
    const std::function<void(const std::string&, const EpochMetrics&)>& observe,
    const std::atomic<bool>& stop) {
  std::vector<ProblemDefinition<double>> definitions;  // all before the work begins: one may be refused
  definitions.reserve(schemes.size());
  for (const ComparedScheme& scheme : schemes) {
    definitions.push_back(make_definition<double>(scheme.config, e.train.class_count(), integrators));
    definitions.back().stop = &stop;
  }
  std::vector<TrainedScheme> trained;
  for (std::size_t i = 0; i < schemes.size(); ++i) {
    const ComparedScheme& scheme = schemes[i];
    OptimalControlProblem<double> problem(definitions[i], e.train);
    Trainer<double> trainer(problem, initial_control(scheme.config, definitions[i]),
                            trainer_options(scheme.config));
    TrainedScheme result{scheme.entry, problem.zero_control(), {}, 0, {}, {}};
    result.result = trainer.run(
        [&](const EpochMetrics& metrics) {
          observe(scheme.entry, metrics);
          return true;
        },
        stop);
    if (result.result.outcome == TrainingOutcome::interrupted) {
      break;
    }
    result.control = trainer.control();
    result.seconds = trainer.seconds();
    for (const ComparedScheme& other : schemes) {
      result.cells.push_back(run(e, other.config, other.entry, result.control, integrators));
    }
    result.refinement = refine(e, scheme.config, result.control, integrators);
    trained.push_back(std::move(result));
  }
  return trained;
}

}  // namespace turnpike
