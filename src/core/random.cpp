#include "turnpike/random.hpp"

#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <utility>

namespace turnpike {

Random::Random(std::uint64_t seed, RandomPurpose purpose, std::uint64_t index) {
  std::seed_seq sequence{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32U),
                         static_cast<std::uint32_t>(purpose), static_cast<std::uint32_t>(index),
                         static_cast<std::uint32_t>(index >> 32U)};
  generator_.seed(sequence);
}

double Random::uniform(double low, double high) {
  const double unit = static_cast<double>(generator_() >> 11U) * 0x1p-53;
  return low + (high - low) * unit;
}

double Random::normal() {
  const double radius = std::sqrt(-2 * std::log(1 - uniform(0, 1)));
  return radius * std::cos(2 * std::numbers::pi * uniform(0, 1));
}

void Random::permute(std::vector<Index>& order) {
  std::iota(order.begin(), order.end(), Index{0});
  for (std::size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[below(i)]);
  }
}

std::uint64_t Random::below(std::uint64_t bound) {
  // Values of the last, incomplete run of `bound` are drawn again, so that all results are equally likely.
  const std::uint64_t limit = std::numeric_limits<std::uint64_t>::max() / bound * bound;
  std::uint64_t value = generator_();
  while (value >= limit) {
    value = generator_();
  }
  return value % bound;
}

}  // namespace turnpike
