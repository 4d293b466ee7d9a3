#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "turnpike/certificate.hpp"
#include "turnpike/change_bound.hpp"
#include "turnpike/cropping.hpp"
#include "turnpike/dissipativity.hpp"
#include "turnpike/minimizers.hpp"
#include "turnpike/reachability.hpp"
#include "turnpike/refinement.hpp"
#include "turnpike/turnpike.hpp"

namespace turnpike {

/// A trained control and what it was trained for, as `analyse_control` asks for it.
template <class T>
struct TrainedControl {
  Control<T> u;  ///< of K intervals
  ProblemDefinition<T> definition;
  std::shared_ptr<const Dataset<T>> train;
  std::shared_ptr<const Dataset<T>> test;          ///< null for none
  std::shared_ptr<const MinimizerSet> minimizers;  ///< of the tabulated loss; null where it has none
  /// Whether the running cost is the soft cross-entropy, on whose minimizers the envelopes rest.
  bool soft_cross_entropy = false;
  bool one_step = false;                           ///< the scheme takes one step an interval
  std::optional<ChangeBoundNetwork> change_bound;  ///< where a bound of the change is proved
  std::string uncertified;                         ///< else a sentence that says why not
};

/// What is known of a trained control, on the training and the test samples.
struct RunResults {
  Measurement train;
  std::optional<Measurement> test;
  std::vector<double> control_norm;         ///< ‖u_k‖₂, K entries
  std::string uncertified;                  ///< why there is no bound of the change; empty when there is one
  std::optional<RefinementGap> refinement;  ///< what `measured_refinement` gave, where it was asked for
  std::vector<double> joint_distance;       ///< of the stacked (x_k, u_k) from Z̄*, K + 1 entries, u_K = 0

  // The following are absent or empty where the loss has no minimizers.
  std::optional<TurnpikeSummary> turnpike;
  std::optional<Certificate> certificate;  ///< at ε, of the tabulated loss
  std::vector<Certificate> ladder;         ///< at `epsilon_ladder`
  std::optional<DissipationSlack> slack;
  struct Reachability {
    Envelope layers;
    Envelope time;
  };
  std::optional<Reachability> reachability;
};

/// Told, in words, what is measured next.
using PhaseObserver = std::function<void(const std::string&)>;

/// The loss that is tabulated: the running cost, or the terminal one where there is none.
template <class T>
const Cost<T>& loss_of(const ProblemDefinition<T>& definition) {
  return definition.running ? *definition.running : *definition.terminal;
}

/// Measures a trained control at level ε; `phase`, unless it is empty, is told what comes next. Throws
/// NumericalError when the integration fails, and InputError unless ε is finite and above 0.
template <class T>
RunResults analyse_control(const TrainedControl<T>& trained, double epsilon, const PhaseObserver& phase = {});

/// The part of it that needs no ε: both splits at the nodes and what is certified there. Throws
/// NumericalError when the integration fails.
template <class T>
RunResults measure_control(const TrainedControl<T>& trained, const PhaseObserver& phase = {});

/// The fewest layers that suffice, measured and proved.
Cropping cropping_of(const RunResults& results, double tolerance = cropping_tolerance);

}  // namespace turnpike
