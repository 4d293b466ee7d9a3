#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "turnpike/comparison.hpp"

/// What the parts of a comparison share.
namespace turnpike::comparison {

std::vector<std::string> split_at(std::string_view text, char separator);

/// The problem of `config`, resolved as `experiment` is. Schemes with negative weights take the running cost
/// by their own weights, too: here nothing but the distance to the reference is asked of them.
ProblemDefinition<double> definition_of(const Experiment<double>& experiment, const RunConfig& config,
                                        const IntegratorRegistry& integrators);

enum class Wanted { states, states_and_gradient };

SchemeSolution solve(const Experiment<double>& experiment, const RunConfig& config, const Control<double>& u,
                     Wanted wanted, const IntegratorRegistry& integrators, SchemeWork* work = nullptr);

SchemeErrors errors_against(const SchemeSolution& solution, const SchemeSolution& reference);

/// See Comparison::Comparison.
ReferenceSolution converged_reference(const Experiment<double>& experiment, const Control<double>& u,
                                      const IntegratorRegistry& integrators);

/// `config` with so many equal steps an interval, or with a relative tolerance, of scheme `name`.
RunConfig with_substeps(RunConfig config, std::string name, Index substeps);
RunConfig with_tolerance(RunConfig config, std::string name, double rtol);

}  // namespace turnpike::comparison
