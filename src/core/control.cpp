#include "turnpike/control.hpp"

#include <fmt/format.h>
#include <cassert>

#include "turnpike/error.hpp"

namespace turnpike {

TimeGrid TimeGrid::uniform(Index intervals, double horizon) {
  if (intervals < 1) {
    throw InputError(fmt::format("the number of control intervals is {}; give at least 1", intervals));
  }
  if (!std::isfinite(horizon) || horizon <= 0) {
    throw InputError(fmt::format("the horizon T is {}; give a positive, finite number", horizon));
  }
  std::vector<double> nodes(static_cast<std::size_t>(intervals) + 1);
  for (Index k = 0; k <= intervals; ++k) {
    nodes[static_cast<std::size_t>(k)] = horizon * static_cast<double>(k) / static_cast<double>(intervals);
  }
  return TimeGrid(std::move(nodes));
}

TimeGrid::TimeGrid(std::vector<double> nodes) : nodes_(std::move(nodes)) {
  if (nodes_.size() < 2 || nodes_.front() != 0) {
    throw InputError("a time grid needs at least two nodes, the first of them 0");
  }
  for (std::size_t k = 0; k + 1 < nodes_.size(); ++k) {
    if (!(nodes_[k] < nodes_[k + 1]) || !std::isfinite(nodes_[k + 1])) {
      throw InputError(fmt::format(
          "the nodes of a time grid must be finite and increase, but node {} is {} and node {} is {}", k,
          nodes_[k], k + 1, nodes_[k + 1]));
    }
  }
}

ControlLayout::ControlLayout(std::vector<ControlBlock> blocks) : blocks_(std::move(blocks)) {
  for (ControlBlock& block : blocks_) {
    block.offset = size_;
    size_ += block.rows * block.columns;
  }
}

const ControlBlock& ControlLayout::block(std::string_view name) const {
  for (const ControlBlock& block : blocks_) {
    if (block.name == name) {
      return block;
    }
  }
  assert(false && "no control block of that name");
  return blocks_.front();
}

}  // namespace turnpike
