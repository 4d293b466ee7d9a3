#include "turnpike/reachability.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <vector>

namespace turnpike {

namespace {

/// The least value of V̂(rate), q(t) = e^{−rate t}, over rates on a logarithmic scale: V̂ is large at both
/// ends, but may have several minima in between, so the best of a fine grid is refined.
template <class Value>
double best_rate(Value&& value) {
  constexpr int count = 2000;
  constexpr double lowest = -16;  // log of the rate
  constexpr double highest = 5;
  const auto rate = [&](double i) { return std::exp(lowest + (highest - lowest) * i / count); };
  double best = 0;
  for (int i = 0; i <= count; ++i) {
    if (value(rate(i)) < value(rate(best))) {
      best = i;
    }
  }
  double step = 1;
  for (int refinement = 0; refinement < 40; ++refinement) {
    step /= 2;
    for (const double candidate : {best - step, best + step}) {
      if (value(rate(candidate)) < value(rate(best))) {
        best = candidate;
      }
    }
  }
  return rate(best);
}

/// β for q(t) = e^{−rate t}: the least that covers all distances; rounded up.
double beta_for(double rate, std::span<const double> times, std::span<const double> distances) {
  double log_beta = -std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k < distances.size(); ++k) {
    if (distances[k] > 0) {
      log_beta = std::max(log_beta, std::log(distances[k]) + rate * times[k]);
    }
  }
  return std::exp(log_beta) * (1 + 1e-12);
}

bool all_zero(std::span<const double> distances) {
  return std::all_of(distances.begin(), distances.end(), [](double d) { return d == 0; });
}

}  // namespace

Envelope geometric_envelope(std::span<const double> distances, Index samples, double gamma, double r) {
  assert(!distances.empty() && samples > 0);
  if (all_zero(distances)) {
    return {};
  }
  std::vector<double> layers(distances.size());
  for (std::size_t k = 0; k < layers.size(); ++k) {
    layers[k] = static_cast<double>(k);
  }
  const double L = std::sqrt(2 / static_cast<double>(samples));
  const auto bound = [&](double rate) {
    const double beta = beta_for(rate, layers, distances);
    return L * beta * (-1 / std::expm1(-rate) + gamma) - r * beta * beta / std::expm1(-2 * rate);
  };
  const double rate = best_rate(bound);
  return {beta_for(rate, layers, distances), std::exp(-rate), bound(rate)};
}

Envelope exponential_envelope(std::span<const double> times, std::span<const double> distances, Index samples,
                              double gamma, double r) {
  assert(!distances.empty() && times.size() == distances.size() && samples > 0);
  if (all_zero(distances)) {
    return {};
  }
  const double L = std::sqrt(2 / static_cast<double>(samples));
  const auto bound = [&](double rate) {
    const double beta = beta_for(rate, times, distances);
    return L * beta * (1 / rate + gamma) + r * beta * beta / (2 * rate);
  };
  const double rate = best_rate(bound);
  return {beta_for(rate, times, distances), rate, bound(rate)};
}

}  // namespace turnpike
