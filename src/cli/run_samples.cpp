#include "cli/run_samples.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <string>

#include "cli/sources.hpp"
#include "cli/tell.hpp"
#include "io/text_file.hpp"
#include "turnpike/error.hpp"

namespace turnpike::cli {

namespace {

template <class T>
std::string text_of(const Experiment<T>& e) {
  return fmt::format("{:016x}\n", e.fingerprint);
}

[[noreturn]] void refuse(const RunConfig& config, const char* what) {
  throw InputError(fmt::format(
      "'{}' holds {} than the run was begun with; give the same samples with --data, or train anew",
      config.data.path, what));
}

}  // namespace

template <class T>
void keep_fingerprint(const RunDirectory& run, const Experiment<T>& e) {
  if (e.fingerprint != 0) {
    run.write(run_file::samples, text_of(e));
  }
}

template <class T>
void demand_same_samples(const RunDirectory& run, const Experiment<T>& e) {
  if (e.fingerprint == 0) {
    return;
  }
  std::error_code error;
  if (std::filesystem::exists(run.file(run_file::samples), error)) {
    if (read_text_file(run.file(run_file::samples), "fingerprint of the samples") != text_of(e)) {
      refuse(e.config, "other samples");
    }
    return;
  }
  tell(
      "turnpike: the run kept no fingerprint of its samples, so only their classes and features are "
      "compared\n");
  if (std::filesystem::exists(run.file(run_file::model), error)) {
    const ModelInfo model = load_model(run.path().string()).info;
    if (model.classes != e.train.classes) {
      refuse(e.config, "samples of other classes");
    }
    if (model.feature_names != e.train.feature_names || model.image.rows != e.train.image.rows ||
        model.image.columns != e.train.image.columns) {
      refuse(e.config, "samples with other features");
    }
  }
}

template void keep_fingerprint(const RunDirectory&, const Experiment<float>&);
template void keep_fingerprint(const RunDirectory&, const Experiment<double>&);
template void demand_same_samples(const RunDirectory&, const Experiment<float>&);
template void demand_same_samples(const RunDirectory&, const Experiment<double>&);

}  // namespace turnpike::cli
