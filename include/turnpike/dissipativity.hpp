#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "turnpike/minimizers.hpp"
#include "turnpike/turnpike.hpp"

namespace turnpike {

/// How much of the stage cost the dissipation inequality (10b) with constant storage leaves over, node by
/// node.
struct DissipationSlack {
  std::vector<double>
      least;  ///< min over samples of ℓ(x_d) − α(dist_d), with the sharp α; ≥ 0 but for rounding
  std::vector<double> mean;  ///< the mean of the same
};

/// The slack along a measured trajectory.
DissipationSlack dissipation_slack(const Measurement& nodes, const MinimizerSet& minimizers);

/// A row of Table 1 by computation: whether a stage cost ℓ(x) + r‖u‖² is strictly dissipative with respect to
/// its minimizers and zero controls.
struct StageCostRow {
  std::string stage_cost;  ///< "quadratic", "cross-entropy", "soft cross-entropy"
  bool strict = false;
  /// Of a strictly dissipative cost: least of ℓ − α(dist) over `pairs` random pairs of states and labels, all
  /// at scales from 10⁻³ to 10³.
  double least_slack = 0;
  std::int64_t pairs = 0;
  std::string evidence;  ///< one sentence
  /// Of the cross-entropy: states s·(e_y − 1/C), whose loss falls to its infimum 0 as their distance from any
  /// bounded set grows: a positive α(dist) would stay below it, so none is of class K∞.
  struct Witness {
    double s = 0;
    double loss = 0;
  };
  std::vector<Witness> witness;
};

/// Table 1 for C classes and label probability p_d, from `pairs` random pairs. Throws InputError unless C ≥ 2
/// and 1/C < p_d < 1.
std::vector<StageCostRow> table_1(Index classes, double p_d, std::int64_t pairs, std::uint64_t seed);

}  // namespace turnpike
