#pragma once

#include "turnpike/experiment.hpp"
#include "turnpike/run_directory.hpp"

namespace turnpike::cli {

/// Keeps the fingerprint of the run's samples; nothing for generated ones.
template <class T>
void keep_fingerprint(const RunDirectory& run, const Experiment<T>& e);

/// Throws InputError when the samples of `e` are others than those that the run was begun with. A run that
/// kept no fingerprint is compared by classes and features, as far as it has a model, and that is said on
/// stderr.
template <class T>
void demand_same_samples(const RunDirectory& run, const Experiment<T>& e);

}  // namespace turnpike::cli
