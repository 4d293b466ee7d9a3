#pragma once

#include <nlohmann/json.hpp>

#include "turnpike/experiment.hpp"

namespace turnpike {

/// All that a study measures of control `u` (K intervals) on the samples of `experiment`, as the members of a
/// row: V and its terms, accuracies, the turnpike at ε, the certified bound, the decay fitted; and, under
/// `trajectory`, everything node by node, costates and Hamiltonian included. Throws NumericalError when the
/// integration fails or a number is not finite.
template <class T>
nlohmann::ordered_json measure_row(const Experiment<T>& experiment, const Control<T>& u,
                                   const IntegratorRegistry& integrators, double epsilon);

}  // namespace turnpike
