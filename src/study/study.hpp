#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "io/directory_lock.hpp"
#include "turnpike/config.hpp"
#include "turnpike/integrator.hpp"

/// Studies: ladders of trainings, and one training followed over its epochs, against what the turnpike does.
namespace turnpike {

/// What a study varies.
enum class StudyKind {
  horizon,     ///< N, or T where control.horizon is set; the interval length stays
  r,           ///< cost.r
  gamma,       ///< cost.gamma
  p_d,         ///< cost.p_d
  optimality,  ///< the epochs at which one training is looked at; optimizer.finish is left out
};

/// The kind called `name`: horizon, r, gamma, p_d, optimality. Throws InputError for another.
StudyKind study_kind(std::string_view name);
std::string_view name_of(StudyKind kind);

/// What decides the rows of a study.
struct StudySettings {
  StudyKind kind = StudyKind::horizon;
  std::string title;
  RunConfig base;
  std::vector<double> values;  ///< increasing; empty for those of the study that is there, or the default
  std::int64_t seeds = 0;      ///< run.seed = 1, …, seeds; 0 for those of the study that is there, or 5
  double epsilon = 0.5;        ///< ε > 0, the distance that counts as on the turnpike
  bool warm = false;           ///< each value starts from the control of the one before
  std::uint64_t samples = 0;   ///< Experiment::fingerprint under seed 1; 0 for generated samples
};

/// Whether the values of a horizon study are times T, not numbers of layers N.
bool varies_time(const StudySettings& settings);

/// The values of a study unless others are asked for.
std::vector<double> default_values(StudyKind kind, const RunConfig& base);

/// The configuration of one row. Throws InputError for a value that does not fit.
RunConfig study_config(const StudySettings& settings, double value, std::int64_t seed);

/// Fills in values and seeds that are not given, and adds those of the study in `directory`, where there is
/// one: a study grows and never shrinks. Throws InputError when its study.json is damaged or was begun with
/// other settings (the sentence names each key that differs, with both values), when the given values are not
/// increasing, and for values in between under `warm`, where each control depends on the value before.
void join_study(StudySettings& settings, const std::filesystem::path& directory);

/// Throws InputError for values that are not increasing numbers in range, or a configuration without
/// minimizers. Loads the data once, so that nothing can be refused after the work has begun, and keeps their
/// fingerprint in `samples`.
void check_study(StudySettings& settings, const IntegratorRegistry& integrators);

/// A study with its finished rows, as in study.json. A row is an object with `value`, `seed` and either
/// `failure`, a sentence, or everything measured.
nlohmann::ordered_json empty_study(const StudySettings& settings);

/// A study in its directory, which no other process writes meanwhile.
struct OpenedStudy {
  DirectoryLock lock;
  nlohmann::ordered_json study;                       ///< with the rows that are there
  std::vector<std::filesystem::path> missing_models;  ///< whose rows were left out, to be trained again
};

/// The study in `directory` with the rows of earlier starts, or a new one. Makes the directory. Values and
/// seeds may have grown (`join_study`); rows whose model file is gone are left out, failed ones stay. Throws
/// InputError when another process writes it, when it holds something else, and as `join_study` does, of the
/// samples, too; and when the directory cannot be written.
OpenedStudy open_study(StudySettings& settings, const std::filesystem::path& directory);

/// study.json in `directory`. Throws InputError when there is none, it is damaged, or it has a row twice or
/// one that is none of its values and seeds.
nlohmann::ordered_json read_study(const std::filesystem::path& directory);

/// Replaces study.json in `directory`. Throws InputError when that cannot be written.
void write_study(const nlohmann::ordered_json& study, const std::filesystem::path& directory);

/// Where the trained control of a row lies within its study's directory.
std::filesystem::path model_name(double value, std::int64_t seed);

/// Runs what is missing in `study`, `threads` trainings at once. After each finished row study.json in
/// `directory` is replaced and then `finished(row)` is called (one call at a time). Ends early when `stop`
/// becomes true or a training or `finished` throws, which is thrown on: then unfinished trainings leave no
/// row. Returns whether all rows are there. Throws InputError for samples that are others than those of
/// `settings` meanwhile, and when the threads cannot be started.
bool run_study(const StudySettings& settings, nlohmann::ordered_json& study,
               const std::filesystem::path& directory, const IntegratorRegistry& integrators, int threads,
               const std::function<void(const nlohmann::ordered_json& row)>& finished,
               const std::atomic<bool>& stop);

}  // namespace turnpike
