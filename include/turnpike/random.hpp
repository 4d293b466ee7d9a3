#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "turnpike/ensemble.hpp"

namespace turnpike {

/// What random numbers are for; each purpose has a stream of its own.
enum class RandomPurpose : std::uint32_t { data = 1, initialization = 2, shuffle = 3, check = 4 };

/// Seeded random numbers that are the same on every machine and standard library: the generator's output
/// is fixed by the C++ standard, and the conversions are our own.
class Random {
 public:
  /// The stream of (seed, purpose, index), e.g. the shuffle of epoch `index`.
  Random(std::uint64_t seed, RandomPurpose purpose, std::uint64_t index = 0);

  /// Uniform in [low, high), with 53 random bits.
  double uniform(double low, double high);

  /// Standard normal, by the method of Box and Muller.
  double normal();

  /// Overwrites `order` (its size is kept) with a random permutation of 0, 1, …, size − 1.
  void permute(std::vector<Index>& order);

 private:
  std::uint64_t below(std::uint64_t bound);
  std::mt19937_64 generator_;
};

}  // namespace turnpike
