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

/// The files of one run: config.toml, environment.json, metrics.csv, layers.csv, summary.json,
/// model.safetensors, checkpoint/, figures/, report.html. All but metrics.csv are replaced in one step.
class RunDirectory {
 public:
  /// A new directory. One that was created, but ended before it had a config.toml, counts as new. Throws
  /// InputError when it exists and holds anything else, or cannot be written.
  static RunDirectory create(const std::filesystem::path& path);
  /// The first of PATH, PATH-2, PATH-3, … that does not exist, created: never one that another process
  /// creates at the same time.
  static RunDirectory create_next(const std::filesystem::path& path);
  /// An existing run. Throws InputError when `path` holds no config.toml.
  static RunDirectory open(const std::filesystem::path& path);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path file(std::string_view name) const { return path_ / name; }

  /// Replaces a file of the directory in one step.
  void write(std::string_view name, std::string_view text) const;

  /// Removes what writers that were killed have left half written. No other process may be writing.
  void remove_leftovers() const;

 private:
  explicit RunDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

/// metrics.csv, a row an epoch, buffered.
class MetricsFile {
 public:
  /// Keeps the rows up to `epoch` of an existing file (0: starts anew) and appends after them. With α > 0
  /// each row has S/α, S its running cost: the plain bound of a sample's mean time (with unit steps: layers)
  /// outside ε, up to the scheme's quadrature, when α is α(ε). Throws InputError unless the file has a row
  /// of every epoch up to `epoch`.
  MetricsFile(const RunDirectory& run, std::int64_t epoch, double alpha = 0);
  void add(const EpochMetrics& metrics);
  void flush();

  /// The rows of a run's metrics.csv.
  static std::vector<EpochMetrics> read(const RunDirectory& run);

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
/// Nothing when there is none yet. Throws InputError when it is damaged.
template <class T>
std::optional<TrainerState<T>> read_checkpoint(const RunDirectory& run);

/// Versions, compiler, processor and instruction set as JSON.
std::string environment_json(int threads);

}  // namespace turnpike
