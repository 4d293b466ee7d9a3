#include "study/study_row.hpp"

#include <numeric>
#include <optional>
#include <vector>

#include "io/run_results.hpp"
#include "study/certified_outside.hpp"
#include "study/decay.hpp"
#include "turnpike/costates.hpp"
#include "turnpike/error.hpp"
#include "turnpike/turnpike.hpp"

namespace turnpike {

namespace {

using json = nlohmann::ordered_json;

json index(const std::optional<Index>& k) { return k ? json(*k) : json(); }

template <class T>
json trajectory_json(const ProblemDefinition<T>& definition, const Experiment<T>& e, const Control<T>& u,
                     const Measurement& nodes, const std::vector<double>& rms) {
  const CostateProfile costates = measure_costates<T>(definition, e.train, u);
  if (!costates.status.ok()) {
    throw NumericalError("the costates cannot be measured: " + costates.status.message());
  }
  std::vector<double> norms;
  for (Index k = 0; k < u.intervals(); ++k) {
    norms.push_back(control_norm(u, k));
  }
  return {{"t", nodes.times},
          {"loss", nodes.loss},
          {"accuracy", nodes.accuracy},
          {"distance_rms", rms},
          {"control_norm", norms},
          {"costate_norm", costates.norm},
          {"hamiltonian_begin", costates.hamiltonian_begin},
          {"hamiltonian_end", costates.hamiltonian_end}};
}

}  // namespace

template <class T>
json measure_row(const Experiment<T>& e, const Control<T>& u, const IntegratorRegistry& integrators,
                 double epsilon) {
  const Index classes = e.train.class_count();
  const ProblemDefinition<T> definition = make_definition<T>(e.config, classes, integrators);
  const ProblemDefinition<double> in_double = make_definition<double>(e.config, classes, integrators);
  const DistanceToMinimizers distance =
      distance_of(e.config, classes, in_double.running ? *in_double.running : *in_double.terminal);
  const Cost<T>& loss = definition.running ? *definition.running : *definition.terminal;
  OptimalControlProblem<T> problem(definition, borrowed(e.train));
  const Measurement nodes = measure(problem, u, loss, distance);
  const Index points = dense_points(*definition.integrator, 16);
  const Measurement dense = points == 1 ? nodes : measure(problem, u, loss, distance, points);
  const TurnpikeSummary s = summarize_turnpike(nodes, dense, epsilon);
  const std::vector<double> rms = root_mean_square(nodes.distances);
  const Objective& V = nodes.objective;
  json row = {{"intervals", u.intervals()},
              {"horizon", definition.grid.horizon()},
              {"objective", V.total()},
              {"running", V.running},
              {"control", V.control},
              {"terminal", V.terminal},
              {"accuracy_train", nodes.accuracy.back()},
              {"accuracy_test", nullptr},
              {"outside_rms", u.intervals() - s.layers_inside},
              {"outside_sample", s.measured_outside},
              {"outside_certified", nullptr},
              {"theta_rms", measure_above(dense.times, root_mean_square(dense.distances), epsilon)},
              {"theta_sample", s.theta_measure},
              {"entry_layer_loss", index(s.by_loss.entry)},
              {"entry_layer_distance", index(s.by_distance.entry)},
              {"leaving_layer_distance", index(s.by_distance.leaving)},
              {"distance_last", rms.back()},
              {"decay_rate", nullptr}};
  if (e.test.size() > 0) {
    OptimalControlProblem<T> test(definition, borrowed(e.test));
    row["accuracy_test"] = measure(test, u, loss, {}).accuracy.back();
  }
  if (tabulated_loss(e.config) == "soft-cross-entropy") {
    row["outside_certified"] =
        certified_outside<T>(problem, u, loss, SoftCrossEntropyGeometry(classes, e.config.cost.p_d), epsilon);
  }
  if (const std::optional<DecayFit> fit = fit_decay(nodes.times, rms)) {
    row["decay_rate"] = fit->rate;
    row["decay_factor"] = fit->factor;
    row["decay_points"] = fit->points;
  }
  row["trajectory"] = trajectory_json(definition, e, u, nodes, rms);
  return row;
}

template json measure_row(const Experiment<float>&, const Control<float>&, const IntegratorRegistry&, double);
template json measure_row(const Experiment<double>&, const Control<double>&, const IntegratorRegistry&,
                          double);

}  // namespace turnpike
