#pragma once

#include <cstring>
#include <span>
#include <string>
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

/// `p` with the registered integrator `name` in place of its tableau.
template <class T>
OptimalControlProblem<T> make_problem(const SampleProblem& p, const std::string& name) {
  SampleProblem with_tableau = p;
  with_tableau.tableau = explicit_tableaus().front();
  ProblemDefinition<T> definition = make_definition<T>(with_tableau);
  IntegratorOptions options;
  options.substeps = p.substeps;
  definition.integrator = builtin_integrators().make<T>(name, options);
  return OptimalControlProblem<T>(std::move(definition), make_dataset<T>(p));
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
