#include "study/study_row.hpp"

#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <vector>

#include "io/run_results.hpp"
#include "study/decay.hpp"
#include "turnpike/costates.hpp"
#include "turnpike/error.hpp"

namespace turnpike {

namespace {

using json = nlohmann::ordered_json;

json index(const std::optional<Index>& k) { return k ? json(*k) : json(); }

template <class T>
json trajectory_json(const ProblemDefinition<T>& definition, const Experiment<T>& e, const Control<T>& u,
                     const RunResults& results, const std::vector<double>& rms) {
  const CostateProfile costates = measure_costates<T>(definition, e.train, u);
  if (!costates.status.ok()) {
    throw NumericalError("the costates cannot be measured: " + costates.status.message());
  }
  return {{"t", results.train.times},
          {"loss", results.train.loss},
          {"accuracy", results.train.accuracy},
          {"distance_rms", rms},
          {"control_norm", results.control_norm},
          {"costate_norm", costates.norm},
          {"hamiltonian_begin", costates.hamiltonian_begin},
          {"hamiltonian_end", costates.hamiltonian_end}};
}

/// Throws NumericalError for what JSON cannot hold.
void demand_finite(const json& row) {
  const json flat = row.flatten();  // outlives the loop over it
  for (const auto& [key, number] : flat.items()) {
    if (number.is_number_float() && !std::isfinite(number.get<double>())) {
      throw NumericalError(fmt::format("of the trained control {} is {}; lower optimizer.learning_rate",
                                       key.substr(1), number.get<double>()));
    }
  }
}

}  // namespace

template <class T>
json measure_row(const Experiment<T>& e, const Control<T>& u, const IntegratorRegistry& integrators,
                 double epsilon) {
  const RunResults results = analyse(e, u, integrators, epsilon);
  const TurnpikeSummary& s = *results.turnpike;
  const Certificate& c = *results.certificate;
  const Measurement& nodes = results.train;
  const std::vector<double> rms = root_mean_square(nodes.distances);
  const Objective& V = nodes.objective;
  const ProblemDefinition<T> definition = make_definition<T>(e.config, e.train.class_count(), integrators);
  json row = {{"intervals", u.intervals()},
              {"horizon", definition.grid.horizon()},
              {"objective", V.total()},
              {"running", V.running},
              {"control", V.control},
              {"terminal", V.terminal},
              {"accuracy_train", nodes.accuracy.back()},
              {"accuracy_test", results.test ? json(results.test->accuracy.back()) : json()},
              {"outside_rms", c.root_mean_square.layers.measured},
              {"outside_sample", c.sample.layers.measured},
              {"outside_certified", c.sample.layers.sharp},
              {"theta_rms", c.root_mean_square.time.measured},
              {"theta_sample", c.sample.time.measured},
              {"theta_certified", c.sample.time.sharp},
              {"entry_layer_loss", index(s.by_loss.entry)},
              {"entry_layer_distance", index(s.by_distance.entry)},
              {"leaving_layer_distance", index(s.by_distance.leaving)},
              {"distance_last", rms.back()},
              {"decay_rate", nullptr}};
  if (const std::optional<DecayFit> fit = fit_decay(nodes.times, rms)) {
    row["decay_rate"] = fit->rate;
    row["decay_factor"] = fit->factor;
    row["decay_points"] = fit->points;
  }
  row["trajectory"] = trajectory_json(definition, e, u, results, rms);
  demand_finite(row);
  return row;
}

template json measure_row(const Experiment<float>&, const Control<float>&, const IntegratorRegistry&, double);
template json measure_row(const Experiment<double>&, const Control<double>&, const IntegratorRegistry&,
                          double);

}  // namespace turnpike
