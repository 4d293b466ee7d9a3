#include "study/study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <iterator>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "io/text_file.hpp"
#include "study/study_row.hpp"
#include "turnpike/error.hpp"
#include "turnpike/exact_tail.hpp"
#include "turnpike/experiment.hpp"
#include "turnpike/trainer.hpp"

namespace turnpike {

namespace {

namespace fs = std::filesystem;
using json = nlohmann::ordered_json;

bool has_row(const json& study, double value, std::int64_t seed) {
  return std::any_of(study["rows"].begin(), study["rows"].end(),
                     [&](const json& row) { return row["value"] == value && row["seed"] == seed; });
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
    std::vector<std::thread> workers;
    for (int i = 1; i < std::min(threads, static_cast<int>(chains_.size())); ++i) {
      workers.emplace_back([this] { work(); });
    }
    work();
    for (std::thread& worker : workers) {
      worker.join();
    }
    if (error_) {
      std::rethrow_exception(error_);
    }
  }

 private:
  void work() {
    for (std::size_t i = next_++; i < chains_.size() && !stop_ && !failed_; i = next_++) {
      try {
        if (settings_.base.run.precision == "float") {
          run_chain<float>(chains_[i]);
        } else {
          run_chain<double>(chains_[i]);
        }
      } catch (...) {
        const std::lock_guard lock(mutex_);
        failed_ = true;
        error_ = error_ ? error_ : std::current_exception();
      }
    }
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
      former = value;
    }
  }

  [[nodiscard]] bool has(double value, std::int64_t seed) {
    const std::lock_guard lock(mutex_);
    return has_row(study_, value, seed);
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

  /// Trains one row. False when it was stopped.
  template <class T>
  bool train(double value, std::int64_t seed, std::optional<double> former) {
    std::error_code error;
    if (former && !fs::exists(directory_ / model_name(*former, seed), error)) {
      former.reset();  // it failed
    }
    const Experiment<T> e = load_experiment<T>(study_config(settings_, value, seed));
    ProblemDefinition<T> definition = make_definition<T>(e.config, e.train.class_count(), integrators_);
    const Control<T> whole = start(e, definition, former);
    definition.active_intervals = e.config.control.active_intervals.value_or(0);
    OptimalControlProblem<T> problem(definition, borrowed(e.train));
    Control<T> u = problem.zero_control();
    std::copy_n(whole.values().begin(), u.values().size(), u.values().begin());
    Trainer<T> trainer(problem, std::move(u), trainer_options(e.config));
    const TrainingResult result = trainer.run([](const EpochMetrics&) { return true; }, stop_);
    if (result.outcome == TrainingOutcome::interrupted) {
      return false;
    }
    json row = {{"value", value},
                {"seed", seed},
                {"start", former ? fmt::format("from {}", *former) : "cold"},
                {"seconds", trainer.seconds()}};
    if (e.config.control.active_intervals) {
      row["active_intervals"] = *e.config.control.active_intervals;
    }
    if (result.outcome == TrainingOutcome::not_finite) {
      row["failure"] = result.message;
    } else {
      const Control<T> trained = followed_by_zeros(trainer.control(), e.config.control.intervals);
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
    const RunConfig config = study_config(settings_, values.front(), seed);
    const Experiment<T> e = load_experiment<T>(config);
    ProblemDefinition<T> definition = make_definition<T>(e.config, e.train.class_count(), integrators_);
    const Control<T> whole = initial_control(e.config, definition);
    definition.active_intervals = e.config.control.active_intervals.value_or(0);
    OptimalControlProblem<T> problem(definition, borrowed(e.train));
    Control<T> u = problem.zero_control();
    std::copy_n(whole.values().begin(), u.values().size(), u.values().begin());
    Trainer<T> trainer(problem, std::move(u), trainer_options(e.config));
    std::vector<json> rows;
    const TrainingResult result = trainer.run(
        [&](const EpochMetrics& metrics) {
          const auto epoch = static_cast<double>(metrics.epoch);
          if (std::binary_search(values.begin(), values.end(), epoch)) {
            json row = {{"value", epoch}, {"seed", seed}, {"seconds", trainer.seconds()}};
            add_measured(row, e, followed_by_zeros(trainer.control(), e.config.control.intervals));
            rows.push_back(std::move(row));
          }
          return epoch < values.back();
        },
        stop_);
    if (rows.size() < values.size() && result.outcome == TrainingOutcome::interrupted) {
      return;
    }
    for (std::size_t i = rows.size(); i < values.size(); ++i) {
      rows.push_back({{"value", values[i]}, {"seed", seed}, {"failure", result.message}});
    }
    add(std::move(rows));
  }

  template <class T>
  void add_measured(json& row, const Experiment<T>& e, const Control<T>& u) {
    try {
      row.update(measure_row(e, u, integrators_, settings_.epsilon));
    } catch (const NumericalError& failure) {
      row["failure"] = failure.what();
    }
  }

  void add(std::vector<json> rows) {
    const std::lock_guard lock(mutex_);
    json& all = study_["rows"];
    for (json& row : rows) {
      all.push_back(std::move(row));
      finished_(all.back());
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
    write_file_atomically(directory_ / "study.json", study_.dump(1) + "\n");
  }

  const StudySettings& settings_;
  json& study_;
  fs::path directory_;
  const IntegratorRegistry& integrators_;
  const std::function<void(const json&)>& finished_;
  const std::atomic<bool>& stop_;
  std::vector<Chain> chains_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;
  std::exception_ptr error_;
};

}  // namespace

bool run_study(const StudySettings& settings, json& study, const fs::path& directory,
               const IntegratorRegistry& integrators, int threads,
               const std::function<void(const json& row)>& finished, const std::atomic<bool>& stop) {
  StudyRun(settings, study, directory, integrators, finished, stop).run(threads);
  return study["rows"].size() == settings.values.size() * static_cast<std::size_t>(settings.seeds);
}

}  // namespace turnpike
