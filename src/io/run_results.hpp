#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "diagnostics/analysis.hpp"
#include "turnpike/experiment.hpp"
#include "turnpike/gradient_check.hpp"
#include "turnpike/report.hpp"

namespace turnpike {

/// What `analyse_control` (diagnostics/analysis.hpp) gives for the control `u` of `experiment`.
template <class T>
RunResults analyse(const Experiment<T>& experiment, const Control<T>& u,
                   const IntegratorRegistry& integrators, double epsilon, const PhaseObserver& phase = {});

/// What `measure_control` gives for it, without distances.
template <class T>
RunResults measure_nodes(const Experiment<T>& experiment, const Control<T>& u,
                         const IntegratorRegistry& integrators);

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
