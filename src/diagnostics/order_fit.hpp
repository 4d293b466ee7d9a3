#pragma once

#include <optional>
#include <vector>

#include "turnpike/ensemble.hpp"

namespace turnpike {

using Numbers = std::vector<double>;

/// Errors of one kind on one problem over the steps h of a ladder, from coarse to fine.
struct Ladder {
  Numbers step;
  Numbers error;
  double resolution = 0;  ///< errors below are rounding
};

/// The order p of the model log e = log C + p log h + d h^q, by least squares on the five finest steps whose
/// errors stand clear of rounding; empty when there are fewer. The last term takes up what higher orders add
/// at steps that are not small, which in double is the only room that high orders have; q is 1 or, as for
/// symmetric schemes, 2, whichever fits better.
std::optional<double> fitted_order(const Ladder& ladder);

/// Numbers of sub-steps such that the error of order p shrinks by about 4 from rung to rung, or the step by a
/// half where that is less; up to where rounding begins or the work ends.
std::vector<Index> order_rungs(int order);

}  // namespace turnpike
