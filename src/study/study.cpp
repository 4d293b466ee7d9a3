#include "study/study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <iterator>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "io/precision.hpp"
#include "study/study_row.hpp"
#include "turnpike/error.hpp"
#include "turnpike/exact_tail.hpp"
#include "turnpike/experiment.hpp"

namespace turnpike {

namespace {

namespace fs = std::filesystem;
using json = nlohmann::ordered_json;

/// Null where it is missing.
const json* find_row(const json& study, double value, std::int64_t seed) {
  const auto row = std::find_if(study["rows"].begin(), study["rows"].end(), [&](const json& candidate) {
    return candidate["value"] == value && candidate["seed"] == seed;
  });
  return row == study["rows"].end() ? nullptr : &*row;
}

/// Trainings that follow one another in one thread: the values of one seed where each starts from the former,
/// or one value.
struct Chain {
  std::int64_t seed = 1;
  std::vector<double> values;
};

class StudyRun {
 public:
  StudyRun(const StudySettings& settings, json& study, fs::path directory,
           const IntegratorRegistry& integrators, const std::function<void(const json&)>& finished,
           const std::atomic<bool>& stop)
      : settings_(settings),
        study_(study),
        directory_(std::move(directory)),
        integrators_(integrators),
        finished_(finished),
        stop_(stop) {
    for (std::int64_t seed = 1; seed <= settings.seeds; ++seed) {
      if (settings.warm || settings.kind == StudyKind::optimality) {
        chains_.push_back({seed, settings.values});
        continue;
      }
      for (const double value : settings.values) {
        chains_.push_back({seed, {value}});
      }
    }
  }

  void run(int threads) {
    halt_ = stop_.load();
    const auto wanted = std::min(static_cast<std::size_t>(threads), chains_.size());
    {
      std::vector<std::jthread> workers;
      workers.reserve(wanted);
      try {
        while (workers.size() < wanted) {
          workers.emplace_back([this] { work(); });
        }
      } catch (const std::system_error& error) {
        fail(std::make_exception_ptr(
            InputError(fmt::format("of {} threads only {} can be started: {}; lower --threads", wanted,
                                   workers.size(), error.code().message()))));
      }
      std::unique_lock lock(mutex_);
      while (!ended_.wait_for(lock, std::chrono::milliseconds(20),
                              [&] { return idle_workers_ == workers.size(); })) {
        halt_ = halt_ || stop_;
      }
    }
    if (error_) {
      std::rethrow_exception(error_);
    }
  }

 private:
  void work() {
    for (std::size_t i = next_++; i < chains_.size() && !halt_; i = next_++) {
      try {
        with_precision(settings_.base, [&]<class T>() { run_chain<T>(chains_[i]); });
      } catch (...) {
        fail(std::current_exception());
      }
    }
    const std::lock_guard lock(mutex_);
    ++idle_workers_;
    ended_.notify_one();
  }

  /// Ends all trainings. The first of several errors stands.
  void fail(std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    error_ = error_ ? error_ : std::move(error);
    halt_ = true;
  }

  template <class T>
  void run_chain(const Chain& chain) {
    if (settings_.kind == StudyKind::optimality) {
      follow<T>(chain.seed);
      return;
    }
    std::optional<double> former;
    for (const double value : chain.values) {
      if (!has(value, chain.seed) && !train<T>(value, chain.seed, former)) {
        return;
      }
      former = failed(value, chain.seed) ? std::nullopt : std::optional(value);
    }
  }

  [[nodiscard]] bool has(double value, std::int64_t seed) {
    const std::lock_guard lock(mutex_);
    return find_row(study_, value, seed) != nullptr;
  }

  [[nodiscard]] bool failed(double value, std::int64_t seed) {
    const std::lock_guard lock(mutex_);
    return find_row(study_, value, seed)->contains("failure");
  }

  /// The data of one row. Throws InputError when they are not those that the study was opened with.
  template <class T>
  Experiment<T> load(double value, std::int64_t seed) {
    Experiment<T> e = load_experiment<T>(study_config(settings_, value, seed));
    // Which samples are set aside as a test set depends on the seed, and the fingerprint with it.
    const bool other_split = seed != 1 && e.config.data.test_fraction > 0;
    if ((other_split ? load_experiment<T>(study_config(settings_, value, 1)).fingerprint : e.fingerprint) !=
        settings_.samples) {
      throw InputError(
          fmt::format("the samples of '{}' have changed since the study started; put them back, and the same "
                      "command goes on",
                      e.config.data.path));
    }
    return e;
  }

  /// Where a training starts: as configured, with `former`'s control in its first intervals where that is
  /// given. After those the state is held, and the control can still learn.
  template <class T>
  Control<T> start(const Experiment<T>& e, const ProblemDefinition<T>& definition,
                   std::optional<double> former) {
    if (!former) {
      return initial_control(e.config, definition);
    }
    RunConfig config = e.config;
    config.control.initialization = config.field.kind == "single-layer" ? "zero" : "second-layer-zero";
    Control<T> u = initial_control(config, definition);
    const fs::path file = directory_ / model_name(*former, e.config.run.seed);
    const Safetensors contents = read_safetensors(file);
    Control<T> known(u.layout(), study_config(settings_, *former, e.config.run.seed).control.intervals);
    read_control(contents, file, known);
    // Of a former exact tail the zeros are left out: a two-layer field at zero has no gradient.
    Index used = known.intervals();
    while (used > 0 && control_norm(known, used - 1) == 0) {
      --used;
    }
    std::copy_n(known.values().begin(), std::min(used, u.intervals()) * u.layout().size(),
                u.values().begin());
    return u;
  }

  /// The training of one row; it refers to `e`. Those of optimality end with an epoch: a finish has no row.
  template <class T>
  GrowingTraining<T> make_training(const Experiment<T>& e, std::optional<double> former) {
    ProblemDefinition<T> definition = make_definition<T>(e.config, e.train.class_count(), integrators_);
    definition.active_intervals = e.config.control.active_intervals.value_or(0);
    definition.stop = &halt_;
    GrowingTrainingOptions options;
    options.trainer = trainer_options(e.config);
    if (settings_.kind == StudyKind::optimality) {
      options.trainer.finish_iterations = 0;
    }
    return {definition, borrowed(e.train), start(e, definition, former), {}, options};
  }

  /// A row that says how its training began and how long it has taken.
  template <class T>
  static json new_row(double value, const Experiment<T>& e, std::optional<double> former, double seconds) {
    json row = {{"value", value},
                {"seed", e.config.run.seed},
                {"start", former ? fmt::format("from {}", *former) : "cold"},
                {"seconds", seconds}};
    if (e.config.control.active_intervals) {
      row["active_intervals"] = *e.config.control.active_intervals;
    }
    return row;
  }

  /// Trains one row. False when it was stopped.
  template <class T>
  bool train(double value, std::int64_t seed, std::optional<double> former) {
    const Experiment<T> e = load<T>(value, seed);
    GrowingTraining<T> training = make_training(e, former);
    const TrainingResult result = training.run({}, halt_);
    if (result.outcome == TrainingOutcome::interrupted) {
      return false;
    }
    json row = new_row(value, e, former, training.trainer().seconds());
    if (result.outcome == TrainingOutcome::not_finite) {
      row["failure"] = result.message;
    } else {
      const Control<T> trained = followed_by_zeros(training.trainer().control(), training.intervals());
      std::error_code error;
      fs::create_directories(directory_ / "models", error);
      write_model(directory_ / model_name(value, seed), e.model_info(), trained);
      add_measured(row, e, trained);
    }
    add({std::move(row)});
    return true;
  }

  /// Trains once and measures at the epochs whose rows are missing. Rows come all at the end.
  template <class T>
  void follow(std::int64_t seed) {
    std::vector<double> values;
    std::copy_if(settings_.values.begin(), settings_.values.end(), std::back_inserter(values),
                 [&](double value) { return !has(value, seed); });
    if (values.empty()) {
      return;
    }
    const Experiment<T> e = load<T>(values.front(), seed);
    GrowingTraining<T> training = make_training(e, std::nullopt);
    std::vector<json> rows;
    const auto new_row_of = [&](double value) {
      return new_row(value, e, std::nullopt, training.trainer().seconds());
    };
    typename GrowingTraining<T>::Observers observers;
    observers.epoch = [&](const EpochMetrics& metrics) {
      const auto epoch = static_cast<double>(metrics.epoch);
      if (std::binary_search(values.begin(), values.end(), epoch)) {
        rows.push_back(new_row_of(epoch));
        add_measured(rows.back(), e, followed_by_zeros(training.trainer().control(), training.intervals()));
      }
      return epoch < values.back();
    };
    const TrainingResult result = training.run(observers, halt_);
    if (rows.size() < values.size() && result.outcome == TrainingOutcome::interrupted) {
      return;
    }
    for (std::size_t i = rows.size(); i < values.size(); ++i) {
      rows.push_back(new_row_of(values[i]));
      rows.back()["failure"] = result.message;
    }
    add(rows);
  }

  template <class T>
  void add_measured(json& row, const Experiment<T>& e, const Control<T>& u) {
    try {
      row.update(measure_row(e, u, integrators_, settings_.epsilon));
    } catch (const NumericalError& failure) {
      row["failure"] = failure.what();
    }
  }

  /// Writes before it tells, so that `finished` may throw.
  void add(const std::vector<json>& rows) {
    const std::lock_guard lock(mutex_);
    json& all = study_["rows"];
    for (const json& row : rows) {
      all.push_back(row);
    }
    if (settings_.kind == StudyKind::optimality) {
      for (json& row : all) {
        if (row["value"] != settings_.values.back()) {
          row.erase("trajectory");
        }
      }
    }
    std::sort(all.begin(), all.end(), [](const json& a, const json& b) {
      return std::pair(a["value"].get<double>(), a["seed"].get<std::int64_t>()) <
             std::pair(b["value"].get<double>(), b["seed"].get<std::int64_t>());
    });
    write_study(study_, directory_);
    for (const json& row : rows) {
      finished_(row);
    }
  }

  const StudySettings& settings_;
  json& study_;
  fs::path directory_;
  const IntegratorRegistry& integrators_;
  const std::function<void(const json&)>& finished_;
  const std::atomic<bool>& stop_;
  std::vector<Chain> chains_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<bool> halt_ = false;  ///< once `stop_` is set or something threw
  std::mutex mutex_;                ///< of all that follows, the study and its file
  std::condition_variable ended_;
  std::size_t idle_workers_ = 0;
  std::exception_ptr error_;
};

}  // namespace

bool run_study(const StudySettings& settings, json& study, const fs::path& directory,
               const IntegratorRegistry& integrators, int threads,
               const std::function<void(const json& row)>& finished, const std::atomic<bool>& stop) {
  StudyRun(settings, study, directory, integrators, finished, stop).run(threads);
  for (const double value : settings.values) {
    for (std::int64_t seed = 1; seed <= settings.seeds; ++seed) {
      if (find_row(study, value, seed) == nullptr) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace turnpike
