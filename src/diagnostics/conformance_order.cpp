#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "diagnostics/conformance_clock.hpp"
#include "diagnostics/conformance_subject.hpp"
#include "diagnostics/order_fit.hpp"
#include "turnpike/error.hpp"

namespace turnpike::conformance {

namespace {

/// Results of different kinds, each problem by problem.
template <std::size_t kinds>
using Results = std::array<std::vector<Numbers>, kinds>;

double distance(const Numbers& a, const Numbers& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += (a[i] - b[i]) * (a[i] - b[i]);
  }
  return std::sqrt(sum);
}

double median(Numbers values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Runs `solve` with the scheme at every rung against two trusted built-in schemes, which also tell by how
/// they differ what rounding leaves. Returns a ladder a problem.
template <std::size_t kinds, class Solve>
std::array<std::vector<Ladder>, kinds> climb(const Subject& subject, Solve&& solve) {
  const bool is_first = subject.traits().name == "fehlberg78";
  const Results<kinds> first = solve(reference_method<double>("fehlberg78", 40));
  const Results<kinds> second = solve(reference_method<double>("dopri5", 250));
  const Results<kinds>& reference = is_first ? second : first;
  const std::size_t problems = first.front().size();
  std::array<std::vector<Ladder>, kinds> ladders;
  for (std::size_t k = 0; k < kinds; ++k) {
    Numbers apart;
    for (std::size_t i = 0; i < problems; ++i) {
      apart.push_back(distance(first[k][i], second[k][i]));
    }
    // Two numbers may agree by chance, many pairs do not.
    const double typical = median(apart);
    for (std::size_t i = 0; i < problems; ++i) {
      ladders[k].push_back({{}, {}, std::max(apart[i], typical)});
    }
  }
  for (const Index substeps : order_rungs(subject.traits().order)) {
    Results<kinds> results;
    try {
      results = solve(subject.equal_steps<double>(substeps));
    } catch (const NumericalError&) {
      // A nonlinear solve may fail where h‖J‖ is large, not where it is small.
      if (substeps >= 16) {
        throw;
      }
      continue;
    }
    bool drowned = true;
    for (std::size_t k = 0; k < kinds; ++k) {
      for (std::size_t i = 0; i < problems; ++i) {
        Ladder& ladder = ladders[k][i];
        ladder.step.push_back(1.0 / static_cast<double>(substeps));
        ladder.error.push_back(distance(results[k][i], reference[k][i]));
        drowned = drowned && ladder.error.back() < 10 * ladder.resolution;
      }
    }
    if (drowned) {
      break;
    }
  }
  return ladders;
}

/// The median over the problems: the leading error of a few passes through zero near the steps that are
/// tried. Empty when most errors sink below rounding before an order shows.
std::optional<double> median_order(const std::vector<Ladder>& ladders) {
  Numbers orders;
  for (const Ladder& ladder : ladders) {
    if (const std::optional<double> order = fitted_order(ladder)) {
      orders.push_back(*order);
    }
  }
  return 2 * orders.size() < ladders.size() ? std::nullopt : std::optional(median(orders));
}

Finding judge(const Subject& subject, const std::vector<Ladder>& ladders) {
  const std::optional<double> order = median_order(ladders);
  if (!order) {
    return {ConformanceVerdict::skipped, "the errors sink below rounding before an order shows"};
  }
  return passed_if(std::abs(*order - subject.traits().order) <= subject.options().order_tolerance,
                   fmt::format("observed order {:.2f}, declared {}", *order, subject.traits().order));
}

/// Smooth problems on which errors of order 8 stand above rounding at steps in the asymptotic regime.
/// Several, because the leading error of a single one can pass through zero near the steps that are tried.
TestProblem smooth_problem(const ConformanceOptions& options, int i, Activation activation, double size) {
  TestProblem p;
  p.two_layer = i % 2 == 0;
  p.activation = activation;
  p.samples = 5;
  p.control_size = size;
  p.seed = options.seed + static_cast<std::uint64_t>(i);
  return p;
}

enum Kind : std::size_t { state, running_cost, objective, gradient, kind_count };

/// The states of problem i at all nodes, one after the other.
template <class Method>
Numbers solve_states(const ConformanceOptions& options, Activation activation, double size, int i,
                     const Method& method) {
  const TestProblem p = smooth_problem(options, i, activation, size);
  OptimalControlProblem<double> problem = p.with<double>(method);
  IntegrationStatus status;
  const std::vector<State<double>> states = problem.states(p.control<double>(), status);
  if (!status.ok()) {
    throw NumericalError("the integration failed: " + status.message());
  }
  Numbers nodes;
  for (const State<double>& X : states) {
    nodes.insert(nodes.end(), X.data(), X.data() + X.size());
  }
  return nodes;
}

template <class Method>
Results<kind_count> solve_all(const ConformanceOptions& options, Activation activation, double size,
                              const Method& method) {
  Results<kind_count> results;
  for (int i = 0; i < options.problems; ++i) {
    const TestProblem p = smooth_problem(options, i, activation, size);
    OptimalControlProblem<double> problem = p.with<double>(method);
    const Control<double> u = p.control<double>();
    Control<double> g = problem.zero_control();
    const Objective V = problem.value_and_gradient(u, g);
    if (!V.status.ok()) {
      throw NumericalError("the integration failed: " + V.status.message());
    }
    results[state].push_back(solve_states(options, activation, size, i, method));
    // The costs of each sample by itself: a number alone would see its leading error pass through zero.
    Numbers running;
    Numbers total;
    const State<double> X0 = p.initial_state<double>();
    for (Index d = 0; d < p.samples; ++d) {
      const Objective one = p.with<double>(method, State<double>(X0.col(d))).value(u);
      running.push_back(one.running);
      total.push_back(one.total());
    }
    results[running_cost].push_back(std::move(running));
    results[objective].push_back(std::move(total));
    const auto values = std::as_const(g).values();
    results[gradient].emplace_back(values.begin(), values.end());
  }
  return results;
}

constexpr std::array<const char*, kind_count> kind_names = {"state", "quadrature", "cost", "gradient"};
constexpr std::array<const char*, kind_count> kind_texts = {
    "the states at the nodes", "the running cost alone", "the objective V", "the gradient of V"};

}  // namespace

std::optional<double> state_order(const Subject& subject) {
  return median_order(climb<1>(subject, [&](const auto& method) {
                        Results<1> results;
                        for (int i = 0; i < subject.options().problems; ++i) {
                          results[0].push_back(
                              solve_states(subject.options(), Activation::silu, 1.2, i, method));
                        }
                        return results;
                      }).front());
}

void check_order(const Subject& subject, Checklist& list) {
  // The ladder is climbed once; should it throw, every kind fails with what it threw.
  std::optional<std::array<std::vector<Ladder>, kind_count>> ladders;
  for (std::size_t k = 0; k < kind_count; ++k) {
    list.run(std::string("order-") + kind_names[k],
             fmt::format("With a control that jumps, {} converge with the declared order.", kind_texts[k]),
             [&] {
               if (!ladders) {
                 ladders = climb<kind_count>(subject, [&](const auto& method) {
                   return solve_all(subject.options(), Activation::silu, 1.2, method);
                 });
               }
               return judge(subject, (*ladders)[k]);
             });
  }
  list.run(
      "order-in-time",
      "Ẋ = F(X, t) is solved with the declared order as well: stages lie at the nodes that their weights "
      "belong to (c = row sums of A).",
      [&] {
        return judge(subject, climb<1>(subject, [&](const auto& method) {
                                return Results<1>{solve_clocked(subject.options(), *method)};
                              }).front());
      });
}

void check_tolerance(const Subject& subject, Checklist& list) {
  const auto solve = [&](const auto& method) {
    return solve_all(subject.options(), Activation::tanh, 1.2, method);
  };
  const double finest = subject.tolerance<double>();
  std::vector<double> tolerances;
  for (const double factor : {1e4, 1e2, 1.0}) {
    if (finest * factor < 0.05) {
      tolerances.push_back(finest * factor);
    }
  }
  std::vector<Results<kind_count>> results;  // the reference, then one a tolerance
  for (std::size_t k = 0; k < kind_count; ++k) {
    list.run(Steps::error_controlled, std::string("tolerance-") + kind_names[k],
             fmt::format("The error of {} falls with the tolerance and is at most {} times as large.",
                         kind_texts[k], subject.options().error_per_tolerance),
             [&] {
               if (results.empty()) {
                 std::vector<Results<kind_count>> all = {solve(reference_method<double>("fehlberg78", 40))};
                 for (const double rtol : tolerances) {
                   all.push_back(solve(subject.controlled<double>(rtol)));
                 }
                 results = std::move(all);
               }
               bool falls = true;
               double worst = 0;
               double before = std::numeric_limits<double>::infinity();
               for (std::size_t i = 0; i < tolerances.size(); ++i) {
                 double error = 0;
                 for (std::size_t j = 0; j < results[0][k].size(); ++j) {
                   error = worse(error, distance(results[i + 1][k][j], results[0][k][j]));
                 }
                 worst = worse(worst, error / tolerances[i]);
                 falls = falls && error < before;
                 before = error;
               }
               return passed_if(
                   falls && worst <= subject.options().error_per_tolerance,
                   fmt::format("at most {:.1f} times the tolerance, for {:.0e} to {:.0e}{}", worst,
                               tolerances.front(), tolerances.back(), falls ? "" : ", but it does not fall"));
             });
  }
}

}  // namespace turnpike::conformance
