#pragma once

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "sample_problem.hpp"
#include "turnpike/error.hpp"
#include "turnpike/integrator.hpp"
#include "turnpike/problem.hpp"

namespace turnpike::test {

/// Samples with features of `p`'s initial state.
template <class T>
Dataset<T> make_dataset(const SampleProblem& p) {
  Dataset<T> data;
  data.features = make_initial_state<T>(p);
  data.labels = make_labels(p);
  for (Index c = 0; c < p.classes; ++c) {
    data.classes.push_back(std::to_string(c));
  }
  return data;
}

/// The registered integrators that exist for T.
template <class T>
std::vector<std::string> registered_names() {
  const IntegratorRegistry registry = builtin_integrators();
  std::vector<std::string> names;
  for (const std::string& name : registry.names()) {
    if (std::is_same_v<T, double> || !registry.find(name).traits.double_only) {
      names.push_back(name);
    }
  }
  return names;
}

/// Those that take steps of equal size: each sample by itself, without allocations, and with the exact
/// gradient of what they compute.
inline std::vector<std::string> fixed_step_names() {
  const IntegratorRegistry registry = builtin_integrators();
  std::vector<std::string> names;
  for (const std::string& name : registry.names()) {
    if (registry.find(name).traits.fixed_steps) {
      names.push_back(name);
    }
  }
  return names;
}

/// `p` with the registered integrator `name` in place of its tableau.
template <class T>
OptimalControlProblem<T> make_problem(const SampleProblem& p, const std::string& name) {
  SampleProblem with_tableau = p;
  with_tableau.tableau = explicit_tableaus().front();
  ProblemDefinition<T> definition = make_definition<T>(with_tableau);
  IntegratorOptions options;
  const IntegratorRegistry registry = builtin_integrators();
  if (registry.find(name).traits.fixed_steps) {
    options.substeps = p.substeps;
  }
  definition.integrator = registry.make<T>(name, options);
  return OptimalControlProblem<T>(std::move(definition), make_dataset<T>(p));
}

/// How many random problems a test solves: `usual`, or TURNPIKE_RANDOM_PROBLEMS where that is set in the
/// environment, for a longer search than every run of the tests can afford.
inline int random_problems(int usual) {
  const char* const wanted = std::getenv("TURNPIKE_RANDOM_PROBLEMS");
  return wanted == nullptr ? usual : std::max(usual, std::atoi(wanted));
}

/// Whether two arrays hold the same bits.
template <class T>
bool same_bits(std::span<const T> a, std::span<const T> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}
template <class T>
bool same_bits(const State<T>& a, const State<T>& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(T)) == 0;
}

}  // namespace turnpike::test
