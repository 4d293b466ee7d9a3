#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "turnpike/experiment.hpp"
#include "turnpike/gradient_check.hpp"
#include "turnpike/report.hpp"
#include "turnpike/turnpike.hpp"

namespace turnpike {

/// What is known of a trained control, on the training and the test samples.
struct RunResults {
  Measurement train;
  std::optional<Measurement> test;
  std::vector<double> control_norm;         ///< ‖u_k‖₂, K entries
  std::optional<TurnpikeSummary> turnpike;  ///< absent where the loss has no minimizers
  std::optional<double> alpha;              ///< α*(ε) for the soft cross-entropy
};

/// Measures the control `u` of `experiment` at level ε; `phase`, unless it is empty, is told what comes next.
/// Throws NumericalError when the integration fails.
template <class T>
RunResults analyse(const Experiment<T>& experiment, const Control<T>& u,
                   const IntegratorRegistry& integrators, double epsilon,
                   const std::function<void(const std::string&)>& phase = {});

/// What is known of each node t_0, …, t_K; a cell without a value was not measured.
struct LayerTable {
  std::vector<std::string> columns;
  std::vector<std::vector<std::optional<double>>> rows;

  [[nodiscard]] std::string csv() const;              ///< layers.csv
  [[nodiscard]] nlohmann::ordered_json json() const;  ///< one object a node
};
LayerTable layer_table(const RunResults& results);

/// The cost whose loss is tabulated: the stage cost, or the terminal one where there is none.
const std::string& tabulated_loss(const RunConfig& config);

/// Distance of a sample to the minimizers of the tabulated loss, `loss`; empty for the plain cross-entropy.
DistanceToMinimizers distance_of(const RunConfig& config, Index classes, const Cost<double>& loss);

nlohmann::ordered_json gradient_check_json(const GradientCheckReport& check);

/// The parts of summary.json that follow from the control alone.
nlohmann::ordered_json summary_json(const RunConfig& config, const RunResults& results);

/// What the report draws; `metrics` may be empty.
template <class T>
ReportData report_data(const Experiment<T>& experiment, const Control<T>& u, const RunResults& results,
                       const std::vector<EpochMetrics>& metrics, const IntegratorRegistry& integrators);

}  // namespace turnpike
