#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "turnpike/certificate.hpp"
#include "turnpike/dissipativity.hpp"
#include "turnpike/experiment.hpp"
#include "turnpike/gradient_check.hpp"
#include "turnpike/reachability.hpp"
#include "turnpike/refinement.hpp"
#include "turnpike/report.hpp"
#include "turnpike/turnpike.hpp"

namespace turnpike {

/// What is known of a trained control, on the training and the test samples.
struct RunResults {
  Measurement train;
  std::optional<Measurement> test;
  std::vector<double> control_norm;         ///< ‖u_k‖₂, K entries
  std::string uncertified;                  ///< why there is no bound of the change; empty when there is one
  std::optional<RefinementGap> refinement;  ///< what `measured_refinement` gave, where it was asked for
  std::vector<double> joint_distance;       ///< of the stacked (x_k, u_k) from Z̄*, K + 1 entries, u_K = 0

  // The following are absent or empty where the loss has no minimizers.
  std::optional<TurnpikeSummary> turnpike;
  std::optional<Certificate> certificate;  ///< at ε, where the stage cost is the tabulated loss
  std::vector<Certificate> ladder;         ///< at `epsilon_ladder`
  std::optional<DissipationSlack> slack;
  struct Reachability {
    Envelope layers;
    Envelope time;
  };
  std::optional<Reachability> reachability;
};

/// Told, in words, what is measured next.
using PhaseObserver = std::function<void(const std::string&)>;

/// Measures the control `u` of `experiment` at level ε; `phase`, unless it is empty, is told what comes next.
/// Throws NumericalError when the integration fails.
template <class T>
RunResults analyse(const Experiment<T>& experiment, const Control<T>& u,
                   const IntegratorRegistry& integrators, double epsilon, const PhaseObserver& phase = {});

/// The part of it that needs neither distances nor ε: both splits at the nodes and what is certified there.
/// Throws NumericalError when the integration fails.
template <class T>
RunResults measure_nodes(const Experiment<T>& experiment, const Control<T>& u,
                         const IntegratorRegistry& integrators, const MinimizerSet* minimizers = nullptr,
                         const PhaseObserver& phase = {});

/// The bound of what the layers of `u` can still change. Where none is proved for the scheme, nothing, and
/// `why` says so.
template <class T>
std::optional<ChangeBound> change_bound_of(const RunConfig& config, const ProblemDefinition<T>& definition,
                                           const Control<T>& u, std::string& why);

/// The fewest layers that suffice, measured and proved.
Cropping cropping_of(const RunResults& results, double tolerance = cropping_tolerance);

/// The refinement gap of `u` on the training samples, in double, on as many of them as take seconds.
template <class T>
RefinementGap measured_refinement(const Experiment<T>& experiment, const Control<T>& u,
                                  const IntegratorRegistry& integrators);

/// What is known of each node t_0, …, t_K; a cell without a value was not measured.
struct LayerTable {
  std::vector<std::string> columns;
  std::vector<std::vector<std::optional<double>>> rows;

  [[nodiscard]] std::string csv() const;              ///< layers.csv
  [[nodiscard]] nlohmann::ordered_json json() const;  ///< one object a node
};
LayerTable layer_table(const RunResults& results);

/// Whether the configured scheme takes one step an interval.
bool takes_one_step(const RunConfig& config);

/// The cost whose loss is tabulated: the stage cost, or the terminal one where there is none.
const std::string& tabulated_loss(const RunConfig& config);

/// The minimizers of the tabulated loss, `loss`; null for the plain cross-entropy, which has none.
std::shared_ptr<const MinimizerSet> minimizers_of(const RunConfig& config, Index classes,
                                                  const Cost<double>& loss);

nlohmann::ordered_json gradient_check_json(const GradientCheckReport& check);

/// One sentence: how far V is from that of the finest run.
std::string refinement_text(const RefinementGap& gap);

/// The refinement gap as it stands in summary.json.
nlohmann::ordered_json refinement_json(const RefinementGap& gap);

/// The parts of summary.json that follow from the control alone.
nlohmann::ordered_json summary_json(const RunConfig& config, const RunResults& results);

/// What the report draws; `metrics` may be empty.
template <class T>
ReportData report_data(const Experiment<T>& experiment, const Control<T>& u, const RunResults& results,
                       const std::vector<EpochMetrics>& metrics, const IntegratorRegistry& integrators);

}  // namespace turnpike
