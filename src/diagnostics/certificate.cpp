#include "turnpike/certificate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "diagnostics/path.hpp"
#include "turnpike/error.hpp"

namespace turnpike {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
/// The bounds are computed term by term, in the order of what they bound, so that rounding in the sums keeps
/// them above it; the terms have relative rounding errors of far less.
constexpr double outward = 1 + 1e-12;
/// A searched minimum lies a little above the true one.
constexpr double downward = 1 - 1e-9;

/// ∫ min(1, L/α) and ∫ L/α over [0, 1] for the linear L ≥ 0 from `first` to `last`.
struct Shares {
  double sharp = 0;
  double plain = 0;
};

Shares shares(double first, double last, double alpha) {
  if (alpha <= 0) {
    return {1, infinity};
  }
  const double a = first / alpha;
  const double b = last / alpha;
  const double low = std::min(a, b);
  const double high = std::max(a, b);
  const double plain = (a + b) / 2;
  if (high <= 1) {
    return {plain, plain};
  }
  if (low >= 1) {
    return {1, plain};
  }
  const double below = (1 - low) / (high - low);
  return {1 - below * (1 - low) / 2, plain};
}

/// What rounding can add to `share_outside` of a segment from ‖a‖² to ‖b‖²: it stands on ‖b − a‖², a
/// difference of numbers of the size of ‖a‖² and ‖b‖². Without a crossing it is exact.
double crossing_rounding(double a_squared, double b_squared, double product, double level) {
  if ((a_squared > level) == (b_squared > level)) {
    return 0;
  }
  constexpr double operations = 32;
  const double size = std::max(a_squared, b_squared);
  const double step = std::max(0.0, a_squared - 2 * product + b_squared);
  const double error = operations * std::numeric_limits<double>::epsilon() * (size + step);
  return error < step ? error / step : 1;
}

struct ControlPart {
  std::vector<double> square;  // ‖u_k‖², or nothing
  std::vector<double> cost;    // r‖u_k‖²
};

Certified certify_layers(const Path& nodes, const ControlPart& control, double epsilon, double alpha) {
  const bool with_control = !control.square.empty();
  Certified c;
  c.measured = layers_outside(
      nodes, [&](std::size_t k) { return epsilon * epsilon - (with_control ? control.square[k] : 0); });
  for (std::size_t k = 0; k + 1 < nodes.squares.size(); ++k) {
    const double loss = nodes.losses[k] + (with_control ? control.cost[k] : 0);
    const Shares share = shares(loss, loss, alpha);
    c.sharp += share.sharp;
    c.plain += share.plain;
  }
  return c;
}

Certified certify_time(const Path& path, std::span<const double> times, std::size_t points,
                       const ControlPart& control, double epsilon, double alpha) {
  const bool with_control = !control.square.empty();
  const auto level = [&](std::size_t j) {
    return epsilon * epsilon - (with_control ? control.square[j / points] : 0);
  };
  Certified c;
  c.measured = time_outside(path, times, level);
  for (std::size_t j = 0; j + 1 < times.size(); ++j) {
    const double h = times[j + 1] - times[j];
    const double loss = with_control ? control.cost[j / points] : 0;
    const Shares share = shares(path.losses[j] + loss, path.losses[j + 1] + loss, alpha);
    const double rounding =
        crossing_rounding(path.squares[j], path.squares[j + 1], path.products[j], level(j));
    c.sharp += h * std::min(1.0, share.sharp + rounding);
    c.plain += h * (share.plain + rounding);
  }
  return c;
}

/// Rounds the bounds up; more than `all`, the layers or the time that there are, is never outside, and what
/// is measured exceeds it by the rounding of its sum only.
void round_outward(Certified& c, double all) {
  c.measured = std::min(c.measured, all);
  c.sharp = std::min(c.sharp * outward, all);
  c.plain *= outward;
}

/// The path of sample d.
Path sample_path(const Measurement& m, const MinimizerSet& minimizers, std::size_t d) {
  Path path = path_of(m, d);
  for (std::size_t j = 0; j < m.times.size(); ++j) {
    path.losses.push_back(std::max(0.0, m.losses[j][d]) + minimizers.loss_rounding(m.distances[j][d]));
  }
  return path;
}

/// The path of all samples: sums of the squares, mean of the losses.
Path stacked_path(const Measurement& m, const MinimizerSet& minimizers) {
  Path path;
  const auto sum = [](const std::vector<double>& values) {
    double total = 0;
    for (const double value : values) {
      total += value;
    }
    return total;
  };
  for (std::size_t j = 0; j < m.times.size(); ++j) {
    double squares = 0;
    double losses = 0;
    for (std::size_t d = 0; d < m.distances[j].size(); ++d) {
      const double s = m.distances[j][d];
      squares += s * s;
      losses += std::max(0.0, m.losses[j][d]) + minimizers.loss_rounding(s);
    }
    path.squares.push_back(squares);
    path.losses.push_back(losses / static_cast<double>(m.distances[j].size()));
  }
  for (const std::vector<double>& products : m.products) {
    path.products.push_back(sum(products));
  }
  return path;
}

void scale(Path& path, double factor) {
  for (double& square : path.squares) {
    square *= factor;
  }
  for (double& product : path.products) {
    product *= factor;
  }
}

/// Throws InputError unless `m` holds distances, losses and products of the same samples at two times or
/// more.
void demand_distances(const Measurement& m, const char* where) {
  const std::size_t times = m.times.size();
  if (times < 2 || m.distances.size() != times || m.losses.size() != times ||
      m.products.size() + 1 != times) {
    throw InputError(
        fmt::format("a certificate needs distances and losses at 2 times or more and products between them, "
                    "but the measurement {} has {} times, {} rows of distances, {} of losses and {} of "
                    "products; measure with minimizers",
                    where, times, m.distances.size(), m.losses.size(), m.products.size()));
  }
  const std::size_t samples = m.distances.front().size();
  const auto agrees = [samples](const std::vector<double>& row) { return row.size() == samples; };
  if (samples == 0 || !std::all_of(m.distances.begin(), m.distances.end(), agrees) ||
      !std::all_of(m.losses.begin(), m.losses.end(), agrees) ||
      !std::all_of(m.products.begin(), m.products.end(), agrees)) {
    throw InputError(
        fmt::format("a certificate needs the same samples at all times, at least one, but the "
                    "measurement {} has rows of other sizes than its first, of {} samples",
                    where, samples));
  }
}

}  // namespace

std::vector<Certificate> certify(const Measurement& nodes, const Measurement& dense,
                                 std::span<const double> control_norms, double r,
                                 const MinimizerSet& minimizers, std::span<const double> epsilons) {
  demand_distances(nodes, "at the nodes");
  demand_distances(dense, "between the nodes");
  const std::size_t intervals = nodes.times.size() - 1;
  const std::size_t points = (dense.times.size() - 1) / intervals;
  const std::size_t samples = nodes.distances.front().size();
  const auto D = static_cast<double>(samples);
  if (points * intervals + 1 != dense.times.size()) {
    throw InputError(
        fmt::format("a certificate needs as many times in each interval, but {} times stand beside {} nodes; "
                    "measure both along the same grid",
                    dense.times.size(), nodes.times.size()));
  }
  if (control_norms.size() != intervals) {
    throw InputError(
        fmt::format("a certificate needs the norm of each interval's control, but there are {} of "
                    "{} intervals; give one for each",
                    control_norms.size(), intervals));
  }
  if (dense.distances.front().size() != samples) {
    throw InputError(
        fmt::format("the measurement at the nodes has {} samples and that between them {}; "
                    "measure the same ones",
                    samples, dense.distances.front().size()));
  }
  std::vector<Certificate> certificates;
  for (const double epsilon : epsilons) {
    if (!(epsilon > 0) || !std::isfinite(epsilon)) {
      throw InputError(fmt::format("ε = {}; give a finite number above 0", epsilon));
    }
    certificates.emplace_back().epsilon = epsilon;
    certificates.back().sample.alpha = minimizers.bound(epsilon) * downward;
  }
  const ControlPart without;
  for (std::size_t d = 0; d < samples; ++d) {
    const Path at_nodes = sample_path(nodes, minimizers, d);
    const Path path = sample_path(dense, minimizers, d);
    for (Certificate& c : certificates) {
      const auto add = [D](Certified& to, const Certified& one) {
        to.measured += one.measured / D;
        to.sharp += one.sharp / D;
        to.plain += one.plain / D;
      };
      add(c.sample.layers, certify_layers(at_nodes, without, c.epsilon, c.sample.alpha));
      add(c.sample.time, certify_time(path, dense.times, points, without, c.epsilon, c.sample.alpha));
    }
  }
  ControlPart control;
  for (const double norm : control_norms) {
    control.square.push_back(norm * norm);
    control.cost.push_back(r * norm * norm * outward);
  }
  Path at_nodes = stacked_path(nodes, minimizers);
  Path path = stacked_path(dense, minimizers);
  for (const bool stacked : {true, false}) {
    if (!stacked) {
      scale(at_nodes, 1 / D);
      scale(path, 1 / D);
    }
    for (Certificate& c : certificates) {
      const double of_state =
          minimizers.concave_bound(stacked ? c.epsilon : std::sqrt(D) * c.epsilon) / D * downward;
      const auto fill = [&](CertifiedDistance& to, const ControlPart& part, double alpha) {
        to.alpha = alpha;
        to.layers = certify_layers(at_nodes, part, c.epsilon, alpha);
        to.time = certify_time(path, dense.times, points, part, c.epsilon, alpha);
      };
      const double joint = std::min(of_state, r * c.epsilon * c.epsilon * downward);
      fill(stacked ? c.stacked : c.root_mean_square, without, of_state);
      fill(stacked ? c.stacked_with_control : c.root_mean_square_with_control, control, joint);
    }
  }
  for (Certificate& c : certificates) {
    for (CertifiedDistance* const distance : {&c.sample, &c.root_mean_square, &c.stacked,
                                              &c.root_mean_square_with_control, &c.stacked_with_control}) {
      round_outward(distance->layers, static_cast<double>(intervals));
      round_outward(distance->time, dense.times.back() - dense.times.front());
    }
  }
  return certificates;
}

}  // namespace turnpike
