#pragma once

#include <vector>

#include "turnpike/ensemble.hpp"

/// Which samples a report draws.
namespace turnpike {

/// At most how many samples of a split are drawn over `frames` frames: what keeps the page small.
Index most_drawn_samples(Index frames);

/// `most` of 0, …, count − 1 in their order, spread evenly from 0 on; all of them when they are fewer.
std::vector<Index> evenly_picked(Index count, Index most);

/// The samples of `data` with these indices, in this order.
template <class T>
Dataset<T> samples_at(const Dataset<T>& data, const std::vector<Index>& indices);

}  // namespace turnpike
