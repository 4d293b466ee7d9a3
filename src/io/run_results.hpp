#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "turnpike/experiment.hpp"
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

/// Measures the control `u` of `experiment` at level ε. Throws NumericalError when the integration fails.
template <class T>
RunResults analyse(const Experiment& experiment, const Control<T>& u, const IntegratorRegistry& integrators,
                   double epsilon);

/// layers.csv: a row a node.
std::string layers_csv(const RunResults& results);

/// The parts of summary.json that follow from the control alone.
nlohmann::ordered_json summary_json(const Experiment& experiment, const RunResults& results);

/// What the report draws; `metrics` may be empty.
template <class T>
ReportData report_data(const Experiment& experiment, const Control<T>& u, const RunResults& results,
                       const std::vector<EpochMetrics>& metrics, const IntegratorRegistry& integrators);

}  // namespace turnpike
