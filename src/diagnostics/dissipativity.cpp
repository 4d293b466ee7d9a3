#include "turnpike/dissipativity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

#include "turnpike/geometry.hpp"
#include "turnpike/random.hpp"

namespace turnpike {

namespace {

/// The least of ℓ − α(dist) over random states at random scales around the minimizers.
double least_random_slack(const MinimizerSet& minimizers, Index classes, std::int64_t pairs,
                          std::uint64_t seed, double farthest) {
  const std::function<double(double)> alpha = minimizers.tabulated_bound(farthest);
  const auto C = static_cast<std::size_t>(minimizers.components());
  Random random(seed, RandomPurpose::check);
  std::vector<double> x(C);
  std::vector<double> offset(C);
  double least = std::numeric_limits<double>::infinity();
  for (std::int64_t i = 0; i < pairs; ++i) {
    const int y = static_cast<int>(i % classes);
    // A minimizer, from which a random direction of a random length leads away.
    std::fill(x.begin(), x.end(), 0.0);
    minimizers.offset(x, y, offset);
    const double length = std::pow(10, random.uniform(-3, std::log10(farthest)));
    double square = 0;
    std::vector<double> direction(C);
    for (double& entry : direction) {
      entry = random.normal();
      square += entry * entry;
    }
    for (std::size_t c = 0; c < C; ++c) {
      x[c] = -offset[c] + length * direction[c] / std::sqrt(square);
    }
    minimizers.offset(x, y, offset);
    const double s = std::sqrt(std::inner_product(offset.begin(), offset.end(), offset.begin(), 0.0));
    const double loss = minimizers.loss(x, y);
    least = std::min(least, loss - alpha(s) + minimizers.loss_rounding(s));
  }
  return least;
}

StageCostRow strict_row(const std::string& name, const MinimizerSet& minimizers, Index classes,
                        std::int64_t pairs, std::uint64_t seed, const std::string& object) {
  StageCostRow row;
  row.stage_cost = name;
  row.pairs = pairs;
  row.least_slack = least_random_slack(minimizers, classes, pairs, seed, 1000);
  row.strict = row.least_slack >= 0;
  row.evidence = row.strict
                     ? fmt::format(
                           "with respect to {} and zero controls: of {} random pairs none costs less than "
                           "α(dist), which grows without limit (α(1) = {:.6g}, α(1000) = {:.6g})",
                           object, pairs, minimizers.bound(1), minimizers.bound(1000))
                     : fmt::format("a pair costs {:.3g} less than α(dist)", -row.least_slack);
  return row;
}

StageCostRow cross_entropy_row(Index classes) {
  StageCostRow row;
  row.stage_cost = "cross-entropy";
  const auto others = static_cast<double>(classes - 1);
  for (const double s : {0.0, 1.0, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0}) {
    row.witness.push_back({s, std::log1p(others * std::exp(-s))});  // −log p_y at s e_y, up to multiples of 1
  }
  const bool vanishes = std::is_sorted(row.witness.rbegin(), row.witness.rend(),
                                       [](const auto& a, const auto& b) { return a.loss < b.loss; }) &&
                        row.witness.back().loss < 1e-100 && row.witness.back().loss > 0;
  row.strict = !vanishes;
  row.evidence = fmt::format(
      "no bound of class K∞: at x = s e_y the loss falls from {:.4g} at s = 0 to {:.2g} at s = 640 while x "
      "leaves every bounded set; its infimum 0 is nowhere attained (Lemma 2)",
      row.witness.front().loss, row.witness.back().loss);
  return row;
}

}  // namespace

DissipationSlack dissipation_slack(const Measurement& nodes, const MinimizerSet& minimizers) {
  assert(!nodes.losses.empty());
  double largest = 0;
  for (const std::vector<double>& row : nodes.distances) {
    largest = std::max(largest, *std::max_element(row.begin(), row.end()));
  }
  const std::function<double(double)> alpha = minimizers.tabulated_bound(largest);
  DissipationSlack slack;
  for (std::size_t k = 0; k < nodes.distances.size(); ++k) {
    double least = std::numeric_limits<double>::infinity();
    double sum = 0;
    for (std::size_t d = 0; d < nodes.distances[k].size(); ++d) {
      const double loss = nodes.losses[k][d];
      double here = loss - alpha(nodes.distances[k][d]);
      if (here < 1e-10 * std::max(0.1, loss)) {  // of the size of the table's error
        here = loss - minimizers.bound(nodes.distances[k][d]);
      }
      least = std::min(least, here);
      sum += here;
    }
    slack.least.push_back(least);
    slack.mean.push_back(sum / static_cast<double>(nodes.distances[k].size()));
  }
  return slack;
}

std::vector<StageCostRow> table_1(Index classes, double p_d, std::int64_t pairs, std::uint64_t seed) {
  const auto soft = soft_cross_entropy_minimizers(classes, p_d);
  return {strict_row("quadratic", *quadratic_minimizers(State<double>::Identity(classes, classes)), classes,
                     pairs, seed, "the targets"),
          cross_entropy_row(classes),
          strict_row("soft cross-entropy", *soft, classes, pairs, seed, "the lines X*_y")};
}

}  // namespace turnpike
