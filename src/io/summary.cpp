#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "io/run_results.hpp"

namespace turnpike {

namespace {

/// A bound, or null for an infinite one.
nlohmann::ordered_json number(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
}

nlohmann::ordered_json certified_json(const Certified& c) {
  return {{"measured", c.measured}, {"sharp", number(c.sharp)}, {"plain", number(c.plain)}};
}

nlohmann::ordered_json distance_json(const CertifiedDistance& d) {
  return {{"alpha", d.alpha}, {"layers", certified_json(d.layers)}, {"time", certified_json(d.time)}};
}

nlohmann::ordered_json certificate_json(const Certificate& c) {
  return {{"epsilon", c.epsilon},
          {"sample", distance_json(c.sample)},
          {"root_mean_square", distance_json(c.root_mean_square)},
          {"stacked", distance_json(c.stacked)},
          {"root_mean_square_with_control", distance_json(c.root_mean_square_with_control)},
          {"stacked_with_control", distance_json(c.stacked_with_control)}};
}

/// The envelopes with the bounds of Prop. 12 and 16 that follow from them: V̂ over what a layer outside ε
/// costs at least.
nlohmann::ordered_json reachability_json(const RunConfig& config, const RunResults& results) {
  const RunResults::Reachability& reach = *results.reachability;
  nlohmann::ordered_json layers = {{"beta", reach.layers.beta},
                                   {"rho", reach.layers.rho},
                                   {"value_bound", number(reach.layers.value_bound)}};
  nlohmann::ordered_json time = {
      {"beta", reach.time.beta}, {"rate", reach.time.rho}, {"value_bound", number(reach.time.value_bound)}};
  const Certificate& c = *results.certificate;
  const auto bounds = [&](double value_bound, Certified CertifiedDistance::*part) {
    return nlohmann::ordered_json{
        {"sample",
         {{"measured", (c.sample.*part).measured}, {"bound", number(value_bound / c.sample.alpha)}}},
        {"stacked_with_control",
         {{"measured", (c.stacked_with_control.*part).measured},
          {"bound", number(value_bound / c.stacked_with_control.alpha)}}}};
  };
  layers["outside"] = bounds(reach.layers.value_bound, &CertifiedDistance::layers);
  time["outside"] = bounds(reach.time.value_bound, &CertifiedDistance::time);
  return {{"observed_layers", config.control.intervals},
          {"epsilon", c.epsilon},
          {"layers", layers},
          {"time", time}};
}

}  // namespace

nlohmann::ordered_json gradient_check_json(const GradientCheckReport& check) {
  return {{"passed", check.passed},
          {"gradient_norm", check.gradient_norm},
          {"difference_error", check.difference_error},
          {"resolution", check.resolution},
          {"central_error", check.central_error},
          {"coordinate_error", check.coordinate_error},
          {"differences", check.differences},
          {"left_out_at_kinks", check.across_kinks},
          {"taylor_slope",
           check.slope_measured ? nlohmann::ordered_json(check.taylor_slope) : nlohmann::ordered_json()}};
}

std::string refinement_text(const RefinementGap& gap) {
  if (!gap.own.failure.empty()) {
    return "none: " + gap.own.failure;
  }
  if (!gap.relative()) {
    return gap.skipped.empty() ? "none: no finer run succeeded" : "none: " + gap.skipped;
  }
  const RefinedRun& finest = *gap.finest();
  return fmt::format(
      "V is {:.4g} under {} where it is {:.4g} under its own {}, accuracy {:.2f} % and {:.2f} %",
      finest.objective, finest.scheme, gap.own.objective, gap.own.scheme, 100 * finest.accuracy,
      100 * gap.own.accuracy);
}

nlohmann::ordered_json refinement_json(const RefinementGap& gap) {
  const auto row = [](const RefinedRun& run) {
    nlohmann::ordered_json result = {{"scheme", run.scheme}};
    if (run.failure.empty()) {
      result["objective"] = run.objective;
      result["terminal_loss"] = run.terminal_loss;
      result["accuracy"] = run.accuracy;
    } else {
      result["failure"] = run.failure;
    }
    return result;
  };
  nlohmann::ordered_json result = {{"samples", gap.samples}, {"own", row(gap.own)}};
  result["finer"] = nlohmann::ordered_json::array();
  for (const RefinedRun& run : gap.finer) {
    result["finer"].push_back(row(run));
  }
  if (!gap.skipped.empty()) {
    result["skipped"] = gap.skipped;
  }
  result["converged"] = gap.converged ? row(*gap.converged) : nlohmann::ordered_json();
  const std::optional<double> relative = gap.relative();
  result["gap"] = relative ? nlohmann::ordered_json(*relative) : nlohmann::ordered_json();
  return result;
}

nlohmann::ordered_json summary_json(const RunConfig& config, const RunResults& results) {
  const auto index = [](const std::optional<Index>& k) {
    return k ? nlohmann::ordered_json(*k) : nlohmann::ordered_json();
  };
  const Objective& objective = results.train.objective;
  nlohmann::ordered_json summary;
  summary["accuracy_train"] = results.train.accuracy.back();
  summary["accuracy_test"] =
      results.test ? nlohmann::ordered_json(results.test->accuracy.back()) : nlohmann::ordered_json();
  summary["objective"] = objective.total();
  summary["objective_terms"] = {
      {"running", objective.running}, {"control", objective.control}, {"terminal", objective.terminal}};
  summary["seed"] = config.run.seed;
  summary["precision"] = config.run.precision;
  summary["threads"] = config.run.threads;
  summary["integrator"] = config.integrator.name;
  summary["layers"] = config.control.intervals;
  if (results.turnpike) {
    const TurnpikeSummary& s = *results.turnpike;
    summary["turnpike"] = {{"epsilon", s.epsilon},
                           {"entry_layer", index(s.by_loss.entry)},
                           {"leaving_layer", index(s.by_loss.leaving)},
                           {"entry_layer_distance", index(s.by_distance.entry)},
                           {"layers_inside", s.layers_inside},
                           {"measured_outside", s.measured_outside},
                           {"theta_measure", s.theta_measure},
                           {"theta_measure_max", s.theta_measure_max},
                           {"final_mean_distance", s.final_mean_distance},
                           {"final_max_distance", s.final_max_distance}};
    const Certificate& c = *results.certificate;
    summary["turnpike"].update({{"certified_outside", number(c.sample.layers.sharp)},
                                {"certified_outside_plain", number(c.sample.layers.plain)},
                                {"theta_certified", number(c.sample.time.sharp)},
                                {"theta_certified_plain", number(c.sample.time.plain)},
                                {"alpha", c.sample.alpha},
                                {"least_dissipation_slack", *std::min_element(results.slack->least.begin(),
                                                                              results.slack->least.end())}});
    summary["certificates"] = nlohmann::ordered_json::array();
    for (const Certificate& level : results.ladder) {
      summary["certificates"].push_back(certificate_json(level));
    }
  }
  if (results.reachability) {
    summary["reachability"] = reachability_json(config, results);
  }
  const Cropping cropping = cropping_of(results);
  summary["crop"] = {
      {"layers", cropping.depth},
      {"tolerance", cropping.tolerance},
      {"accuracy_train", results.train.accuracy[cropping.depth]},
      {"accuracy_test", results.test ? nlohmann::ordered_json(results.test->accuracy[cropping.depth])
                                     : nlohmann::ordered_json()},
      {"certified_layers", cropping.certified_depth ? nlohmann::ordered_json(*cropping.certified_depth)
                                                    : nlohmann::ordered_json()}};
  if (!results.uncertified.empty()) {
    summary["crop"]["uncertified"] = results.uncertified;
  }
  if (results.refinement) {
    summary["refinement"] = refinement_json(*results.refinement);
  }
  return summary;
}

}  // namespace turnpike
