#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "turnpike/trainer.hpp"

namespace turnpike {

class DirectoryLock;

/// The files of one run, in the order in which they come to be. All but `metrics` are replaced in one step.
namespace run_file {

inline constexpr const char* samples = "checkpoint/samples";         ///< fingerprint of the run's samples
inline constexpr const char* environment = "environment.json";       ///< see `environment_json`
inline constexpr const char* begun_with = "checkpoint/config.toml";  ///< to compare `config` with
inline constexpr const char* config = "config.toml";                 ///< its owner's: with it there is a run
inline constexpr const char* metrics = "metrics.csv";                ///< a row an epoch
inline constexpr const char* state = "checkpoint/state.safetensors";
inline constexpr const char* model = "model.safetensors";
inline constexpr const char* layers = "layers.csv";  ///< a row a layer
inline constexpr const char* report = "report.html";
inline constexpr const char* figures = "figures";       ///< a directory of SVG files
inline constexpr const char* summary = "summary.json";  ///< with it the run is finished

}  // namespace run_file

/// The directory of one run.
class RunDirectory {
 public:
  /// A new directory, held. One that ended before it had a `run_file::config` counts as new. Throws
  /// InputError when it exists and holds anything else, when another process holds it, or when it cannot be
  /// written.
  static RunDirectory create(const std::filesystem::path& path);
  /// The first of PATH, PATH-2, PATH-3, … that does not exist, created: never one that another call or
  /// process creates at the same time by this function.
  static RunDirectory create_next(const std::filesystem::path& path);
  /// An existing run. Throws InputError when `path` holds no config.toml.
  static RunDirectory open(const std::filesystem::path& path);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path file(std::string_view name) const { return path_ / name; }

  /// Keeps other processes from holding it as long as this object or a copy of it lives. Throws InputError
  /// when one does.
  void hold();

  /// Replaces a file of the directory in one step.
  void write(std::string_view name, std::string_view text) const;

  /// Removes what writers that were killed have left half written; `hold` it before.
  void remove_leftovers() const;

 private:
  explicit RunDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
  std::shared_ptr<const DirectoryLock> lock_;
};

/// The run's metrics, buffered.
class MetricsFile {
 public:
  /// Keeps the rows up to `epoch` of an existing file (0: starts anew) and appends after them. With α > 0
  /// each row has S/α, S its running cost: the plain bound of a sample's mean time (with unit steps: layers)
  /// outside ε, up to the scheme's quadrature, when α is α(ε). Throws InputError unless the file has a row
  /// of every epoch up to `epoch`.
  MetricsFile(const RunDirectory& run, std::int64_t epoch, double alpha = 0);
  void add(const EpochMetrics& metrics);
  /// Puts all rows on the disk, where a checkpoint that follows relies on them. Throws InputError when it is
  /// full.
  void flush();

  /// The rows of a run. Throws InputError for a damaged one.
  static std::vector<EpochMetrics> read(const RunDirectory& run);
  /// The epoch of a run's last row before the end or a damaged one; 0 without any.
  static std::int64_t last_epoch(const RunDirectory& run);

 private:
  struct Close {
    void operator()(std::FILE* file) const { (void)std::fclose(file); }
  };
  std::filesystem::path path_;
  double alpha_ = 0;
  std::unique_ptr<std::FILE, Close> file_;
};

/// The state of a training as checkpoint/state.safetensors, replaced in one step.
template <class T>
void write_checkpoint(const RunDirectory& run, const TrainerState<T>& state);
/// Nothing when there is none yet. Throws InputError when it is damaged or cannot be read.
template <class T>
std::optional<TrainerState<T>> read_checkpoint(const RunDirectory& run);

/// Versions, compiler, processor and instruction set as JSON.
std::string environment_json(int threads);

}  // namespace turnpike
