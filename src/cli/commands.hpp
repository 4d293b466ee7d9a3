#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/sources.hpp"
#include "turnpike/integrator.hpp"

/// The program's commands. Each writes results to stdout and messages to stderr, returns the exit status (0
/// done, 1 numerical failure, 130 stopped by a signal), and throws InputError (exit status 2) or
/// NumericalError (1).
namespace turnpike::cli {

struct TrainOptions {
  std::string source;  ///< a recipe or a configuration file
  std::string out;     ///< the run directory; empty for a new one under runs/
  bool json = false;
  bool help_keys = false;
  std::vector<std::string> plugins;  ///< for the hint how to resume
  Overrides overrides;
};
int train(const TrainOptions& options, const IntegratorRegistry& integrators);

struct ResumeOptions {
  std::string run;
  std::string data;  ///< where the samples have moved to; empty where they stayed
  bool json = false;
  std::vector<std::string> plugins;  ///< for the hint how to resume
  int threads = 0;
};
int resume(const ResumeOptions& options, const IntegratorRegistry& integrators);

struct EvaluateOptions {
  std::string model;
  std::string predictions;  ///< a CSV file to write; empty for none
  bool json = false;
  Overrides overrides;
};
int evaluate(const EvaluateOptions& options, const IntegratorRegistry& integrators);

struct DiagnoseOptions {
  std::string model;  ///< may be empty for Table 1
  double epsilon = 1;
  bool table_1 = false;  ///< Table 1 by computation instead of a trajectory
  bool json = false;
  Overrides overrides;
};
int diagnose(const DiagnoseOptions& options, const IntegratorRegistry& integrators);

struct CropOptions {
  std::string model;
  std::string out;                  ///< the model file to write; empty for the sweep alone
  std::optional<Index> depth;       ///< layers to keep; one of these three at most
  std::optional<double> tolerance;  ///< share of accuracy that may go
  std::optional<double> certified;  ///< largest certified change of the loss components
  bool json = false;
  Overrides overrides;
};
/// What each depth costs, and the model cut to one of them.
int crop(const CropOptions& options, const IntegratorRegistry& integrators);

struct CompareOptions {
  std::string subject = "two-spirals";  ///< a model or a source
  std::string integrators;              ///< entries like rk4:substeps=16, separated by commas
  bool work_precision = false;          ///< each over a ladder of steps or tolerances
  bool train = false;                   ///< trains with each and exchanges the controls
  std::string over;                     ///< a configuration key with several values
  std::string out;  ///< a directory for comparison.json, report.html, figures; empty for none
  bool json = false;
  Overrides overrides;
};
/// Each scheme beside a converged reference at one control, in double: that of a model, or random numbers.
int compare(const CompareOptions& options, const IntegratorRegistry& integrators);

struct StudyOptions {
  std::string kind;        ///< horizon, r, gamma, p_d or optimality
  std::string source;      ///< as for train
  std::string values;      ///< numbers separated by commas; empty for those that are there, or the default
  std::int64_t seeds = 0;  ///< 0 for those that are there, or 5
  double epsilon = 0.5;    ///< ε
  bool warm = false;       ///< each value starts from the control of the one before
  std::string out;         ///< a directory, new or of the same study
  bool json = false;
  Overrides overrides;  ///< threads: trainings at once
};
/// A ladder of trainings, or one training over its epochs, against what the turnpike does.
int study(const StudyOptions& options, const IntegratorRegistry& integrators);

struct CheckGradientOptions {
  std::string subject = "two-spirals";  ///< a model or a source
  std::string export_file;              ///< safetensors to write
  std::string export_data;              ///< CSV to write
  bool json = false;
  Overrides overrides;
};
int check_gradient(const CheckGradientOptions& options, const IntegratorRegistry& integrators);

struct CheckIntegratorOptions {
  std::string name;
  bool json = false;
  std::vector<std::string> keys;  ///< --set integrator.key=value
};
/// Exit status 0: the scheme conforms; 1: it does not.
int check_integrator(const CheckIntegratorOptions& options, const IntegratorRegistry& integrators);

struct ReportOptions {
  std::string run;
  std::string data;   ///< where the samples have moved to; empty where they stayed
  std::string study;  ///< directory of a study that the page shows, too; empty for none
};
int report(const ReportOptions& options, const IntegratorRegistry& integrators);

struct GeometryOptions {
  Index classes = 2;  ///< C
  double p_d = 0.95;
  Index samples = 1;  ///< D of the stacked bound
  bool json = false;
};
/// δ, the minimizer in X_T, λ_Ω and a table of α for the soft cross-entropy with any C and p_d.
int geometry(const GeometryOptions& options);

struct ReproduceOptions {
  std::string subject = "paper";
  std::string out = "paper";      ///< a directory; finished runs in it are not repeated
  std::string data;               ///< MNIST's directory, for Figure 5; empty leaves it out
  std::vector<std::string> keys;  ///< optimizer.epochs=… or data.per_class=…, for shorter trials
  int threads = 0;                ///< 0: as the recipes say
};
/// Figures 1 to 5 and Table 1 of the paper with our numbers, as a page and as JSON.
int reproduce(const ReproduceOptions& options, const IntegratorRegistry& integrators);

int list_integrators(bool json, const IntegratorRegistry& integrators);
int doctor(bool json, const IntegratorRegistry& integrators);

}  // namespace turnpike::cli
