#include "study/study.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <stdexcept>

#include "study/decay.hpp"
#include "study/study_report.hpp"
#include "study/study_row.hpp"
#include "temporary_directory.hpp"
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

/// A ladder that trains in a moment, checked and ready to run.
StudySettings small_study(StudyKind kind, std::vector<double> values) {
  StudySettings settings = settings_of(kind, "two-spirals", std::move(values));
  settings.base.optimizer.epochs = 20;
  settings.base.data.per_class = 20;
  settings.seeds = 1;
  return settings;
}

/// Runs what is missing of the study in `directory`; throws what is thrown there.
nlohmann::ordered_json run_in(
    const std::filesystem::path& directory, StudySettings& settings, int threads = 1,
    const std::function<void(const nlohmann::ordered_json&)>& finished = [](const auto&) {}) {
  const IntegratorRegistry integrators = builtin_integrators();
  const std::atomic<bool> stop = false;
  check_study(settings, integrators);
  OpenedStudy opened = open_study(settings, directory);
  const bool complete = run_study(settings, opened.study, directory, integrators, threads, finished, stop);
  CHECK(complete);
  return opened.study;
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

TEST_CASE("a study in bf16 refuses an implicit scheme, as a training does") {
  StudySettings settings = settings_of(StudyKind::horizon, "two-spirals-implicit", {10});
  settings.base.run.precision = "bf16";
  CHECK_THROWS_WITH_AS(check_study(settings, builtin_integrators()),
                       doctest::Contains("bf16 is for explicit schemes"), InputError);
}

TEST_CASE("default values are as one would write them") {
  RunConfig base = recipe("two-spirals");
  base.cost.r = 1e-5;
  CHECK(default_values(StudyKind::r, base) == std::vector<double>{1e-6, 3e-6, 1e-5, 3e-5, 1e-4});
}

TEST_CASE("what `finished` throws ends the other trainings, and every row that is done is kept") {
  const test::TemporaryDirectory directory;
  const auto fail = [](const nlohmann::ordered_json&) { throw std::runtime_error("no"); };
  StudySettings ladder = small_study(StudyKind::horizon, {2, 5000});
  ladder.base.optimizer.epochs = 1000;
  CHECK_THROWS_AS(run_in(directory / "ladder", ladder, 2, fail), std::runtime_error);
  CHECK(read_study(directory / "ladder")["rows"].size() == 1);
  StudySettings epochs = small_study(StudyKind::optimality, {1, 5, 20});
  CHECK_THROWS_AS(run_in(directory / "epochs", epochs, 1, fail), std::runtime_error);
  CHECK(read_study(directory / "epochs")["rows"].size() == 3);
}

TEST_CASE("a value whose predecessor failed starts cold, whatever model it left") {
  const test::TemporaryDirectory directory;
  StudySettings settings = small_study(StudyKind::horizon, {2, 3});
  settings.warm = true;
  CHECK(run_in(directory / "out", settings)["rows"][1]["start"] == "from 2");
  nlohmann::ordered_json study = read_study(directory / "out");
  study["rows"] = {{{"value", 2}, {"seed", 1}, {"failure", "a sentence"}}};
  write_study(study, directory / "out");
  CHECK(run_in(directory / "out", settings)["rows"][1]["start"] == "cold");
}

TEST_CASE("a study that has grown is written before it trains") {
  const test::TemporaryDirectory directory;
  for (const double value : {2, 3}) {
    StudySettings settings = small_study(StudyKind::horizon, {value});
    (void)open_study(settings, directory / "out");
  }
  CHECK(read_study(directory / "out")["values"] == std::vector<double>{2, 3});
}

TEST_CASE("rows that are there twice or are none of the study are refused") {
  const test::TemporaryDirectory directory;
  const nlohmann::ordered_json row = {{"value", 2}, {"seed", 1}, {"failure", "a sentence"}};
  const auto refused = [&](const nlohmann::ordered_json& other, const char* fragment) {
    nlohmann::ordered_json study = empty_study(small_study(StudyKind::horizon, {2}));
    study["rows"] = nlohmann::ordered_json::array({row, other});
    write_study(study, directory.path());
    CHECK_THROWS_WITH_AS((void)read_study(directory.path()), doctest::Contains(fragment), InputError);
  };
  refused(row, "value 2, seed 1 is there twice");
  refused({{"value", 3}, {"seed", 1}, {"failure", "a sentence"}}, "value 3, seed 1 is none of the study");
  refused({{"value", 2}, {"seed", 2}, {"failure", "a sentence"}}, "value 2, seed 2 is none of the study");
}

TEST_CASE("samples that change while a study runs do not mix") {
  const test::TemporaryDirectory directory;
  std::string samples = "x,y,label\n";
  for (int i = 0; i < 10; ++i) {
    samples += fmt::format("{},{},{}\n", i, (7 * i) % 10, i % 2);
  }
  StudySettings settings = small_study(StudyKind::horizon, {2, 3});
  settings.base.data.source = "csv";
  settings.base.data.path = directory.write("samples.csv", samples).string();
  settings.base.data.test_fraction = 0.3;
  settings.base.data.per_class = RunConfig().data.per_class;
  for (const char* const precision : {"float", "double"}) {
    CAPTURE(precision);
    settings.base.run.precision = precision;
    settings.seeds = 2;  // each with test samples of its own
    directory.write("samples.csv", samples);
    CHECK(run_in(directory / precision, settings)["rows"].size() == 4);
    settings.values = {2, 3, 4, 5};
    const auto change = [&](const nlohmann::ordered_json&) {
      directory.write("samples.csv", samples + "1,1,1\n");
    };
    CHECK_THROWS_WITH_AS(run_in(directory / precision, settings, 1, change),
                         doctest::Contains("have changed since the study started"), InputError);
    CHECK(read_study(directory / precision)["rows"].size() == 5);
    settings.values = {2, 3};
  }
}

TEST_CASE("a number that JSON cannot hold is a failure with a sentence") {
  RunConfig config = small_study(StudyKind::horizon, {2}).base;
  config.cost.r = 0;
  const IntegratorRegistry integrators = builtin_integrators();
  const Experiment<double> e = load_experiment<double>(config);
  const ProblemDefinition<double> definition =
      make_definition<double>(e.config, e.train.class_count(), integrators);
  Control<double> u(definition.field->layout(), definition.grid.intervals());
  CHECK_NOTHROW((void)measure_row(e, u, integrators, 0.5));
  u.values().back() = 1.2e154;  // b₂ of the last layer: ‖u‖² is finite, its sum over samples is not
  CHECK_THROWS_WITH_AS((void)measure_row(e, u, integrators, 0.5),
                       doctest::Contains("; lower optimizer.learning_rate"), NumericalError);
}

TEST_CASE("optimality looks at epochs: a finish has no row and is left out") {
  const test::TemporaryDirectory directory;
  StudySettings settings = small_study(StudyKind::optimality, {20});
  const nlohmann::ordered_json plain = run_in(directory / "plain", settings)["rows"][0];
  settings.base.optimizer.finish = "lbfgs";
  settings.base.optimizer.finish_iterations = 1000000;
  const nlohmann::ordered_json row = run_in(directory / "finish", settings)["rows"][0];
  CHECK(row["objective"] == plain["objective"]);
  CHECK(row["start"] == "cold");
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
  CHECK(page["outside_limit"] == 12);
  CHECK(page["rows"][1].contains("trajectory"));
  CHECK_FALSE(page["rows"][2].contains("trajectory"));
}

}  // namespace
}  // namespace turnpike
