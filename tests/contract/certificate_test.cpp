#include "turnpike/certificate.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "registered_problem.hpp"
#include "turnpike/dissipativity.hpp"

namespace turnpike::test {
namespace {

/// Whether what is certified is nowhere below what is measured, and the least slack, relative to losses
/// above 1.
struct Verdict {
  bool covered = true;
  std::string where;
  double least_slack = 0;
};

/// With `share` below 1 the losses are made smaller, so that what is certified has to fail.
Verdict verdict(const SampleProblem& p, const std::string& scheme, double share = 1) {
  OptimalControlProblem<double> problem = make_problem<double>(p, scheme);
  const Control<double> u = make_control<double>(p);
  const auto minimizers = soft_cross_entropy_minimizers(p.classes, p.p_d);
  const Cost<double>& loss = *problem.definition().running;
  Measurement nodes = measure(problem, u, loss, minimizers.get());
  Measurement dense = measure(problem, u, loss, minimizers.get(), 4);
  for (Measurement* const m : {&nodes, &dense}) {
    for (std::vector<double>& losses : m->losses) {
      std::transform(losses.begin(), losses.end(), losses.begin(), [share](double l) { return share * l; });
    }
  }
  std::vector<double> norms;
  for (Index k = 0; k < u.intervals(); ++k) {
    norms.push_back(control_norm(u, k));
  }
  Verdict v;
  for (const Certificate& c : certify(nodes, dense, norms, p.r, *minimizers, epsilon_ladder)) {
    for (const CertifiedDistance& d :
         {c.sample, c.root_mean_square, c.stacked, c.root_mean_square_with_control, c.stacked_with_control}) {
      for (const Certified& part : {d.layers, d.time}) {
        if (!(part.measured <= part.sharp && part.sharp <= part.plain)) {
          v.covered = false;
          v.where = fmt::format("ε = {}: {} ≤ {} ≤ {}", c.epsilon, part.measured, part.sharp, part.plain);
        }
      }
    }
  }
  const DissipationSlack slack = dissipation_slack(nodes, *minimizers);
  for (std::size_t k = 0; k < slack.least.size(); ++k) {
    // Losses of thousands have rounding errors of more than 1e-12.
    const double largest = *std::max_element(nodes.losses[k].begin(), nodes.losses[k].end());
    v.least_slack = std::min(v.least_slack, slack.least[k] / std::max(1.0, largest));
  }
  return v;
}

TEST_CASE("certified is at least measured for 10,000 random controls, and the slack at least −1e-12") {
  const int controls = sanitized ? 200 : 10000;
  const std::vector<std::string> schemes = {"explicit-euler", "rk4", "heun", "kutta3"};
  Verdict all;
  for (int i = 0; i < controls; ++i) {
    SampleProblem p;
    p.seed = static_cast<unsigned>(i);
    p.field = i % 3 == 0 ? FieldKind::single_layer : FieldKind::two_layer;
    p.activation = i % 5 == 0 ? Activation::relu : Activation::tanh;
    p.classes = 2 + i % 2;
    p.p_d = p.classes == 2 ? 0.95 : 0.6;
    p.samples = 5;
    p.control_size = std::pow(10.0, -2 + 2.5 * (i % 17) / 16);
    const Verdict v = verdict(p, schemes[static_cast<std::size_t>(i) % schemes.size()]);
    all.covered = all.covered && v.covered;
    all.least_slack = std::min(all.least_slack, v.least_slack);
    if (!v.covered) {
      FAIL_CHECK("control " << i << " is measured outside its certificate: " << v.where);
      break;
    }
  }
  CHECK(all.covered);
  CHECK(all.least_slack >= -1e-12);
}

TEST_CASE("losses a tenth as large certify less than is measured") {
  int uncovered = 0;
  for (unsigned seed = 0; seed < 20; ++seed) {
    SampleProblem p;
    p.seed = seed;
    p.p_d = 0.6;
    CHECK(verdict(p, "rk4").covered);
    uncovered += verdict(p, "rk4", 0.1).covered ? 0 : 1;
  }
  CHECK(uncovered == 20);
}

TEST_CASE("certificates hold under every built-in scheme") {
  for (const std::string& scheme : registered_names<double>()) {
    CAPTURE(scheme);
    const Verdict v = verdict(SampleProblem{}, scheme);
    CHECK(v.covered);
    CHECK(v.least_slack >= -1e-12);
  }
}

}  // namespace
}  // namespace turnpike::test
