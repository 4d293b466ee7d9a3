#include "study/study.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "study/decay.hpp"
#include "study/study_report.hpp"
#include "turnpike/error.hpp"
#include "turnpike/experiment.hpp"

namespace turnpike {
namespace {

StudySettings settings_of(StudyKind kind, const char* recipe_name, std::vector<double> values) {
  StudySettings settings;
  settings.kind = kind;
  settings.base = recipe(recipe_name);
  settings.values = std::move(values);
  return settings;
}

TEST_CASE("the decay of an exponential with a plateau is that of the exponential") {
  std::vector<double> times;
  std::vector<double> distances;
  for (int k = 0; k < 20; ++k) {
    times.push_back(0.5 * k);
    distances.push_back(std::max(3 * std::exp(-1.7 * times.back()), 1e-3));
  }
  const std::optional<DecayFit> fit = fit_decay(times, distances);
  REQUIRE(fit.has_value());
  CHECK(fit->rate == doctest::Approx(1.7).epsilon(1e-9));
  CHECK(fit->factor == doctest::Approx(3).epsilon(1e-9));
  CHECK(fit->points == 10);  // 3 e^{-1.7 t} ≤ 2e-3 from t = 4.5 on
  CHECK_FALSE(fit_decay(times, std::vector<double>(20, 1.0)).has_value());
  CHECK_FALSE(fit_decay(times, std::vector<double>(20, 0.0)).has_value());
}

TEST_CASE("a horizon keeps the length of an interval, in layers and in time") {
  const StudySettings layers = settings_of(StudyKind::horizon, "two-spirals", {20, 120});
  CHECK_FALSE(varies_time(layers));
  CHECK(study_config(layers, 120, 3).control.intervals == 120);
  CHECK(study_config(layers, 120, 3).run.seed == 3);
  CHECK_THROWS_AS((void)study_config(layers, 1.5, 1), InputError);
  CHECK_THROWS_AS((void)study_config(layers, 0, 1), InputError);
  StudySettings time = settings_of(StudyKind::horizon, "two-spirals-ode", {20, 40});
  time.base.control.active_intervals = 90;
  REQUIRE(varies_time(time));
  CHECK(study_config(time, 40, 1).control.intervals == 120);
  CHECK(study_config(time, 40, 1).control.horizon == 40);
  CHECK(study_config(time, 40, 1).control.active_intervals == 90);
  CHECK_FALSE(study_config(time, 20, 1).control.active_intervals.has_value());
  CHECK_THROWS_AS((void)study_config(time, 20.1, 1), InputError);
}

TEST_CASE("values that do not fit are refused before the work begins") {
  const IntegratorRegistry integrators = builtin_integrators();
  const auto check = [&](StudySettings settings) { check_study(settings, integrators); };
  const auto refuse = [&](StudyKind kind, std::vector<double> values) {
    CHECK_THROWS_AS(check(settings_of(kind, "two-spirals", std::move(values))), InputError);
  };
  refuse(StudyKind::horizon, {});
  refuse(StudyKind::horizon, {10, 10});
  refuse(StudyKind::horizon, {20, 10});
  refuse(StudyKind::horizon, {NAN});
  refuse(StudyKind::r, {-1});
  refuse(StudyKind::p_d, {0.5});
  refuse(StudyKind::p_d, {1});
  refuse(StudyKind::optimality, {0.5});
  refuse(StudyKind::optimality, {1e9});
  CHECK_NOTHROW(check(settings_of(StudyKind::p_d, "two-spirals", {0.51, 0.99})));
  for (const char* name : {"two-spirals", "two-spirals-ode"}) {
    for (const StudyKind kind :
         {StudyKind::horizon, StudyKind::r, StudyKind::gamma, StudyKind::p_d, StudyKind::optimality}) {
      CHECK_NOTHROW(check(settings_of(kind, name, default_values(kind, recipe(name)))));
    }
  }
}

TEST_CASE("a summary names the seed with the lowest V, and counts failures apart") {
  nlohmann::ordered_json study = empty_study(settings_of(StudyKind::r, "two-spirals", {0.1, 0.2}));
  study["rows"] = {{{"value", 0.1}, {"seed", 1}, {"objective", 3.0}, {"outside_rms", 4}},
                   {{"value", 0.1}, {"seed", 2}, {"objective", 2.0}, {"outside_rms", 6}},
                   {{"value", 0.1}, {"seed", 3}, {"failure", "a sentence"}},
                   {{"value", 0.2}, {"seed", 1}, {"failure", "a sentence"}}};
  const nlohmann::ordered_json summary = study_summary(study);
  REQUIRE(summary.size() == 2);
  CHECK(summary[0]["best"]["seed"] == 2);
  CHECK(summary[0]["outside_rms_least"] == 4.0);
  CHECK(summary[0]["outside_rms_most"] == 6.0);
  CHECK(summary[0]["failed"] == 1);
  CHECK(summary[1]["seeds"] == 0);
  study["study"] = "optimality";
  CHECK(study_summary(study)[0]["gap"] == 1.0);
  CHECK(study_summary(study)[1]["gap"] == 0.0);
}

TEST_CASE("a seed that did not train does not set the axis of its page, and no curve comes twice") {
  nlohmann::ordered_json study = empty_study(settings_of(StudyKind::horizon, "two-spirals", {20, 120}));
  const auto row = [](double value, int seed, double objective, int outside) {
    return nlohmann::ordered_json{{"value", value},
                                  {"seed", seed},
                                  {"objective", objective},
                                  {"outside_rms", outside},
                                  {"outside_sample", 4.0},
                                  {"outside_certified", 6.0},
                                  {"trajectory", nlohmann::ordered_json::object()}};
  };
  study["rows"] = {row(20, 1, 3.2, 5), row(120, 1, 3.3, 5), row(120, 2, 815, 120)};
  const nlohmann::ordered_json page = study_page(study);
  CHECK(page["outside_limit"] == 7.5);
  CHECK(page["rows"][1].contains("trajectory"));
  CHECK_FALSE(page["rows"][2].contains("trajectory"));
}

}  // namespace
}  // namespace turnpike
