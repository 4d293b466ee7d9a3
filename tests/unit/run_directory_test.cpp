#include "turnpike/run_directory.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "temporary_directory.hpp"
#include "turnpike/error.hpp"

namespace turnpike {
namespace {

namespace fs = std::filesystem;
using test::TemporaryDirectory;

EpochMetrics row(std::int64_t epoch) {
  EpochMetrics m;
  m.epoch = epoch;
  m.steps = 2 * epoch;
  m.objective.running = 0.1 * static_cast<double>(epoch);
  m.gradient_norm = 1.0 / 3;
  return m;
}

TEST_CASE("a directory that is in use is not overwritten") {
  const TemporaryDirectory directory;
  const RunDirectory run = RunDirectory::create(directory / "a");
  CHECK(fs::is_directory(directory / "a/checkpoint"));
  run.write("config.toml", "");
  CHECK_THROWS_WITH_AS((void)RunDirectory::create(directory / "a"), doctest::Contains("resume"), InputError);
  CHECK(RunDirectory::create_next(directory / "a").path() == directory / "a-2");
  CHECK(RunDirectory::create_next(directory / "a").path() == directory / "a-3");
  CHECK_THROWS_AS((void)RunDirectory::open(directory / "a-2"), InputError);
  CHECK_NOTHROW((void)RunDirectory::open(directory / "a"));
  directory.write("file", "text");
  CHECK_THROWS_AS((void)RunDirectory::create(directory / "file/run"), InputError);
  CHECK_THROWS_AS((void)RunDirectory::create_next(directory / "file/run"), InputError);
}

TEST_CASE("a directory that was left before it became a run is taken, one with anything else is not") {
  const TemporaryDirectory directory;
  std::optional<RunDirectory> run = RunDirectory::create(directory / "a");
  run->write(run_file::environment, "{}");
  run->write(run_file::samples, "1");
  run->write(run_file::begun_with, "");
  directory.write("a/checkpoint/.turnpike-AbC123", "half");
  CHECK_THROWS_WITH_AS((void)RunDirectory::create(directory / "a"), doctest::Contains("another process"),
                       InputError);
  run.reset();
  CHECK_NOTHROW((void)RunDirectory::create(directory / "a"));
  directory.write("a/notes.txt", "mine");
  CHECK_THROWS_WITH_AS((void)RunDirectory::create(directory / "a"), doctest::Contains("is no run"),
                       InputError);
}

TEST_CASE("half written files are removed, others are not") {
  const TemporaryDirectory directory;
  const RunDirectory run = RunDirectory::create(directory / "a");
  run.write(".turnpike-notes", "mine");
  for (const char* name :
       {"a/.turnpike-AbC123", "a/checkpoint/.turnpike-x_yz09", "a/figures/.turnpike-000000"}) {
    directory.write(name, "half");
  }
  run.remove_leftovers();
  std::vector<std::string> left;
  for (const auto& entry : fs::recursive_directory_iterator(directory / "a")) {
    left.push_back(entry.path().filename().string());
  }
  std::sort(left.begin(), left.end());
  CHECK(left == std::vector<std::string>{".turnpike-notes", "checkpoint", "figures"});
}

TEST_CASE("of all that create one directory at the same time one gets it") {
  for (int round = 0; round < 20; ++round) {
    const TemporaryDirectory directory;
    std::atomic<int> created = 0;
    std::atomic<int> refused = 0;
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
          try {
            const RunDirectory run = RunDirectory::create(directory / "a");
            run.write(run_file::config, "");
            ++created;
          } catch (const InputError&) {
            ++refused;
          }
        });
      }
    }
    CHECK(created == 1);
    CHECK(refused == 3);
  }
}

TEST_CASE("the last epoch of the metrics is that of the last whole row") {
  const TemporaryDirectory directory;
  const RunDirectory run = RunDirectory::create(directory / "a");
  CHECK(MetricsFile::last_epoch(run) == 0);
  {
    MetricsFile metrics(run, 0);
    metrics.add(row(1));
    metrics.add(row(2));
  }
  CHECK(MetricsFile::last_epoch(run) == 2);
  std::ofstream(run.file(run_file::metrics), std::ios::app) << "3,6,0.";
  CHECK(MetricsFile::last_epoch(run) == 2);
}

TEST_CASE("directories that are created at the same time are different ones") {
  const TemporaryDirectory directory;
  directory.write("runs/a", "a file");
  std::vector<fs::path> paths(8);
  {
    std::vector<std::jthread> threads;
    for (fs::path& path : paths) {
      threads.emplace_back([&] { path = RunDirectory::create_next(directory / "runs/a").path(); });
    }
  }
  std::sort(paths.begin(), paths.end());
  CHECK(std::adjacent_find(paths.begin(), paths.end()) == paths.end());
}

TEST_CASE("metrics keep the rows up to the epoch of a resume and drop the later ones") {
  const TemporaryDirectory directory;
  const RunDirectory run = RunDirectory::create(directory / "a");
  {
    MetricsFile metrics(run, 0);
    for (int epoch = 1; epoch <= 5; ++epoch) {
      metrics.add(row(epoch));
    }
  }
  {
    MetricsFile metrics(run, 3);
    metrics.add(row(4));
  }
  const std::vector<EpochMetrics> rows = MetricsFile::read(run);
  REQUIRE(rows.size() == 4);
  CHECK(rows[3].epoch == 4);
  CHECK(rows[3].steps == 8);
  CHECK(rows[2].objective.running == row(3).objective.running);
  CHECK(rows[1].gradient_norm == row(1).gradient_norm);
}

TEST_CASE_TEMPLATE("a checkpoint reads back bit for bit, a damaged one is refused", T, float, double) {
  const TemporaryDirectory directory;
  const RunDirectory run = RunDirectory::create(directory / "a");
  CHECK_FALSE(read_checkpoint<T>(run).has_value());
  const TrainerState<T> state{{T(0.1), T(2)}, {T(3)}, {T(4)}, 7, 21, {1.5, 2.5, 3.5, 0.25}, 1.25};
  write_checkpoint(run, state);
  const TrainerState<T> again = read_checkpoint<T>(run).value();
  CHECK(again.control == state.control);
  CHECK(again.first_moment == state.first_moment);
  CHECK(again.second_moment == state.second_moment);
  CHECK(again.epoch == 7);
  CHECK(again.steps == 21);
  CHECK(again.unfinished == state.unfinished);
  CHECK(again.seconds == 1.25);
  std::string bytes = test::read_file(run.file(run_file::state));
  bytes[bytes.size() - 60] ^= 1;  // of a number
  run.write(run_file::state, bytes);
  CHECK_THROWS_WITH_AS((void)read_checkpoint<T>(run), doctest::Contains("not those that were written"),
                       InputError);
  run.write("checkpoint/state.safetensors", "broken");
  CHECK_THROWS_AS((void)read_checkpoint<T>(run), InputError);
}

TEST_CASE("the environment is JSON that names compiler and processor") {
  const auto environment = nlohmann::json::parse(environment_json(3));
  CHECK(environment["threads"] == 3);
  CHECK_FALSE(environment["compiler"].get<std::string>().empty());
  CHECK_FALSE(environment["processor"].get<std::string>().empty());
}

}  // namespace
}  // namespace turnpike
