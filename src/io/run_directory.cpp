#include "turnpike/run_directory.hpp"

#include <fmt/format.h>
#include <sundials/sundials_config.h>
#include <unistd.h>
#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <boost/version.hpp>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <ctime>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <nlopt.hpp>
#include <sstream>

#include "core/matrix_product.hpp"
#include "io/directory_lock.hpp"
#include "io/fingerprint.hpp"
#include "io/text_file.hpp"
#include "turnpike/error.hpp"
#include "turnpike/field.hpp"
#include "turnpike/model_file.hpp"

namespace turnpike {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view metrics_header =
    "epoch,steps,objective,running,control,terminal,gradient_norm,learning_rate,accuracy,certified_time\n";

constexpr std::size_t metrics_columns = 10;  // the last may be empty

void make_directories(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path / "checkpoint", error);
  if (!error) {
    fs::create_directories(path / "figures", error);
  }
  if (error) {
    throw InputError(fmt::format("the run directory '{}' cannot be created: {}; choose another with --out",
                                 path.string(), error.message()));
  }
}

/// Whether a directory holds nothing but what comes before the run's configuration.
bool is_unbegun(const fs::path& path) {
  std::error_code error;
  for (fs::recursive_directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().lexically_relative(path).generic_string();
    constexpr std::array<std::string_view, 5> ours = {"checkpoint", run_file::figures, run_file::samples,
                                                      run_file::environment, run_file::begun_with};
    if (std::find(ours.begin(), ours.end(), name) == ours.end() && !is_half_written(entry->path())) {
      return false;
    }
  }
  return !error;
}

/// Throws InputError when `path` is a run, or holds what no run has left.
void demand_unbegun(const fs::path& path) {
  std::error_code error;
  if (fs::exists(path / run_file::config, error)) {
    throw InputError(
        fmt::format("'{}' exists already and holds a run; choose another directory with --out, or go on with "
                    "`turnpike resume {}`",
                    path.string(), path.string()));
  }
  if (fs::exists(path, error) && !is_unbegun(path)) {
    throw InputError(
        fmt::format("'{}' exists already and is no run; choose another directory with --out", path.string()));
  }
}

std::vector<double> parse_row(const std::string& line) {
  std::vector<double> row;
  const char* begin = line.data();
  const char* const end = begin + line.size();
  while (begin < end) {
    double value = 0;
    const auto [rest, error] = std::from_chars(begin, end, value);
    if (error != std::errc()) {
      return {};
    }
    row.push_back(value);
    begin = rest + 1;
  }
  if (!line.empty() && line.back() == ',') {
    row.push_back(std::numeric_limits<double>::quiet_NaN());
  }
  return row;
}

EpochMetrics metrics_of(const std::vector<double>& row) {
  EpochMetrics m;
  m.epoch = static_cast<std::int64_t>(row[0]);
  m.steps = static_cast<std::int64_t>(row[1]);
  m.objective.running = row[3];
  m.objective.control = row[4];
  m.objective.terminal = row[5];
  m.gradient_norm = row[6];
  m.learning_rate = row[7];
  m.objective.accuracy = row[8];
  return m;
}

/// Whatever their order, which a file does not keep.
std::string fingerprint_of(const std::vector<Tensor>& tensors) {
  std::uint64_t sum = 0;
  for (const Tensor& tensor : tensors) {
    sum += mixed<char>(mixed<char>(1, tensor.name), tensor.bytes);
  }
  return fmt::format("{:016x}", sum);
}

std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("model name", 0) == 0) {
      return line.substr(line.find(':') + 2);
    }
  }
  return "unknown";
}

std::string_view instruction_set() {
#if defined(__AVX512F__)
  return "AVX-512";
#elif defined(__AVX2__)
  return "AVX2";
#elif defined(__AVX__)
  return "AVX";
#else
  return "baseline";
#endif
}

std::string_view bf16_text() {
  switch (bf16_support()) {
    case Bf16Support::native:
      return "by the processor";
    case Bf16Support::emulated:
      return "emulated in float (TURNPIKE_BF16)";
    case Bf16Support::none:
      break;
  }
  return "none: the processor has no avx512_bf16, or the build no oneDNN";
}

}  // namespace

RunDirectory RunDirectory::create(const fs::path& path) {
  demand_unbegun(path);  // so that nothing is made in it
  make_directories(path);
  RunDirectory run(path);
  run.hold();
  demand_unbegun(path);  // another process may have been faster
  run.remove_leftovers();
  return run;
}

RunDirectory RunDirectory::create_next(const fs::path& path) {
  fs::path candidate = path;
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  for (int number = 2; !fs::create_directory(candidate, error) && (!error || error == std::errc::file_exists);
       ++number) {
    candidate = path.string() + fmt::format("-{}", number);
  }
  return create(candidate);  // which says why, where there was an error
}

RunDirectory RunDirectory::open(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path / run_file::config, error)) {
    throw InputError(
        fmt::format("'{}' is no run directory (it holds no config.toml); give one that `turnpike "
                    "train` made",
                    path.string()));
  }
  return RunDirectory(path);
}

void RunDirectory::hold() { lock_ = std::make_shared<const DirectoryLock>(path_); }

void RunDirectory::write(std::string_view name, std::string_view text) const {
  write_file_atomically(path_ / name, text);
}

void RunDirectory::remove_leftovers() const {
  for (const fs::path& directory : {path_, path_ / "checkpoint", path_ / run_file::figures}) {
    remove_half_written(directory);
  }
}

MetricsFile::MetricsFile(const RunDirectory& run, std::int64_t epoch, double alpha)
    : path_(run.file(run_file::metrics)), alpha_(alpha) {
  std::string kept(metrics_header);
  if (epoch > 0) {
    std::ifstream old(path_);
    std::string line;
    std::getline(old, line);
    std::int64_t last = 0;
    while (last < epoch && std::getline(old, line)) {
      const std::vector<double> row = parse_row(line);
      if (row.size() != metrics_columns || row[0] != static_cast<double>(last + 1)) {
        break;
      }
      kept += line + "\n";
      ++last;
    }
    if (last < epoch) {
      throw InputError(
          fmt::format("'{}' has no row of epoch {}, but the checkpoint is of epoch {}; put the whole file "
                      "back, or train anew",
                      path_.string(), last + 1, epoch));
    }
  }
  write_file_atomically(path_, kept);
  file_.reset(std::fopen(path_.c_str(), "ab"));
  if (!file_) {
    throw InputError(fmt::format("'{}' cannot be written: {}", path_.string(), std::strerror(errno)));
  }
}

void MetricsFile::add(const EpochMetrics& m) {
  const std::string row = fmt::format(
      "{},{},{},{},{},{},{},{},{},{}\n", m.epoch, m.steps, m.objective.total(), m.objective.running,
      m.objective.control, m.objective.terminal, m.gradient_norm, m.learning_rate, m.objective.accuracy,
      alpha_ > 0 ? fmt::format("{}", m.objective.running / alpha_) : "");
  (void)std::fputs(row.c_str(), file_.get());  // `flush` sees whether all went well
}

void MetricsFile::flush() {
  if (std::fflush(file_.get()) != 0 || std::ferror(file_.get()) != 0 || ::fsync(fileno(file_.get())) != 0) {
    throw InputError(
        fmt::format("'{}' cannot be written: {}; free some space", path_.string(), std::strerror(errno)));
  }
}

std::vector<EpochMetrics> MetricsFile::read(const RunDirectory& run) {
  std::istringstream input(read_text_file(run.file(run_file::metrics), "table of metrics"));
  std::string line;
  std::getline(input, line);
  if (line + "\n" != metrics_header) {
    throw InputError(
        fmt::format("'{}' begins with '{}' where the names of its columns should be; put the file back",
                    run.file(run_file::metrics).string(), line));
  }
  std::vector<EpochMetrics> rows;
  while (std::getline(input, line)) {
    const std::vector<double> row = parse_row(line);
    if (row.size() != metrics_columns) {
      throw InputError(fmt::format("'{}', line {}: damaged row '{}'; remove it",
                                   run.file(run_file::metrics).string(), rows.size() + 2, line));
    }
    rows.push_back(metrics_of(row));
  }
  return rows;
}

std::int64_t MetricsFile::last_epoch(const RunDirectory& run) {
  std::ifstream input(run.file(run_file::metrics));
  std::string line;
  std::getline(input, line);
  std::int64_t last = 0;
  while (std::getline(input, line)) {
    const std::vector<double> row = parse_row(line);
    if (row.size() != metrics_columns) {
      break;
    }
    last = static_cast<std::int64_t>(row[0]);
  }
  return last;
}

template <class T>
void write_checkpoint(const RunDirectory& run, const TrainerState<T>& state) {
  const auto size = static_cast<std::int64_t>(state.control.size());
  const auto moments = static_cast<std::int64_t>(state.first_moment.size());
  Safetensors contents;
  contents.tensors = {make_tensor("control", {size}, state.control),
                      make_tensor("first_moment", {moments}, state.first_moment),
                      make_tensor("second_moment", {moments}, state.second_moment),
                      make_tensor("counters", {2}, std::vector<std::int64_t>{state.epoch, state.steps}),
                      make_tensor("unfinished_epoch", {4},
                                  std::vector<double>(state.unfinished.begin(), state.unfinished.end()))};
  contents.metadata = {{"turnpike", "checkpoint"},
                       {"fingerprint", fingerprint_of(contents.tensors)},
                       {"seconds", fmt::format("{}", state.seconds)}};
  write_safetensors(run.file(run_file::state), contents);
}

template <class T>
std::optional<TrainerState<T>> read_checkpoint(const RunDirectory& run) {
  const fs::path file = run.file(run_file::state);
  std::error_code error;
  if (!fs::exists(file, error)) {
    if (error) {
      throw InputError(fmt::format("the checkpoint '{}' cannot be read: {}; mend that, then resume",
                                   file.string(), error.message()));
    }
    return std::nullopt;
  }
  const Safetensors contents = read_safetensors(file);
  if (contents.entry("fingerprint") != fingerprint_of(contents.tensors)) {
    throw InputError(
        fmt::format("the checkpoint '{}' is damaged: its numbers are not those that were "
                    "written; put back a copy, or train anew",
                    file.string()));
  }
  TrainerState<T> state;
  state.control = tensor_values<T>(contents.tensor("control", file), file);
  state.first_moment = tensor_values<T>(contents.tensor("first_moment", file), file);
  state.second_moment = tensor_values<T>(contents.tensor("second_moment", file), file);
  const auto counters = tensor_values<std::int64_t>(contents.tensor("counters", file), file);
  const auto unfinished = tensor_values<double>(contents.tensor("unfinished_epoch", file), file);
  if (counters.size() != 2 || counters[0] < 0 || counters[1] < 0 ||
      unfinished.size() != state.unfinished.size()) {
    throw InputError(
        fmt::format("the checkpoint '{}' is damaged; put back a copy, or train anew", file.string()));
  }
  state.epoch = counters[0];
  state.steps = counters[1];
  std::copy(unfinished.begin(), unfinished.end(), state.unfinished.begin());
  const std::string seconds = contents.entry("seconds");
  std::from_chars(seconds.data(), seconds.data() + seconds.size(), state.seconds);
  return state;
}

template void write_checkpoint(const RunDirectory&, const TrainerState<float>&);
template void write_checkpoint(const RunDirectory&, const TrainerState<double>&);
template std::optional<TrainerState<float>> read_checkpoint(const RunDirectory&);
template std::optional<TrainerState<double>> read_checkpoint(const RunDirectory&);

std::string environment_json(int threads) {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char date[32];
  (void)std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &utc);
  nlohmann::ordered_json environment = {
      {"turnpike", TURNPIKE_VERSION},
      {"date", date},
      {"build_type", TURNPIKE_BUILD_TYPE},
      {"compiler", __VERSION__},
      {"processor", processor_name()},
      {"instruction_set", instruction_set()},
      {"threads", threads},
      {"eigen", fmt::format("{}.{}.{}", EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION)},
      {"fmt", FMT_VERSION},
      {"matrix_products", kernels::matrix_product_library()},
      {"bf16_products", bf16_text()},
      {"boost", BOOST_LIB_VERSION},
      {"sundials", SUNDIALS_VERSION},
      {"nlopt",
       fmt::format("{}.{}.{}", nlopt::version_major(), nlopt::version_minor(), nlopt::version_bugfix())}};
  return environment.dump(2) + "\n";
}

}  // namespace turnpike
