#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/commands.hpp"
#include "cli/progress.hpp"
#include "cli/sources.hpp"
#include "cli/tell.hpp"
#include "io/paper_page.hpp"
#include "io/run_results.hpp"
#include "io/text_file.hpp"
#include "turnpike/cropping.hpp"
#include "turnpike/error.hpp"
#include "turnpike/geometry.hpp"
#include "turnpike/run_directory.hpp"

namespace turnpike::cli {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// A run of the paper's experiments and how it ended.
struct PaperRun {
  fs::path directory;
  json summary;  ///< null when it did not end well
};

/// A signal stopped a training: what is there is kept for the next time.
struct Interrupted {};

/// Trains into `directory`, goes on with an interrupted run there, or takes a finished one as it is. A run
/// that has nothing to go on from is begun anew, by the recipe as it is now.
PaperRun train_into(const fs::path& directory, const std::string& source, const ReproduceOptions& options,
                    const std::vector<std::string>& keys, const IntegratorRegistry& integrators) {
  PaperRun run{directory, {}};
  std::error_code error;
  int status = 0;
  if (!fs::exists(directory / run_file::summary, error)) {
    tell("{}\n", directory.string());
    if (fs::exists(directory / run_file::state, error)) {
      ResumeOptions resume_options;
      resume_options.run = directory.string();
      resume_options.data = source == "mnist" ? options.data : "";
      resume_options.threads = options.threads;
      status = resume(resume_options, integrators);
    } else {
      if (fs::exists(directory / run_file::config, error)) {
        fs::remove_all(directory, error);
      }
      TrainOptions train_options;
      train_options.source = source;
      train_options.out = directory.string();
      train_options.overrides.keys = keys;
      std::copy_if(options.keys.begin(), options.keys.end(), std::back_inserter(train_options.overrides.keys),
                   [&](const std::string& key) { return source != "mnist" || key.rfind("data.", 0) != 0; });
      train_options.overrides.threads = options.threads;
      if (source == "mnist") {
        train_options.overrides.data = options.data;
      }
      status = train(train_options, integrators);
    }
    fmt::print("\n");
  }
  if (status == 130) {
    throw Interrupted{};
  }
  if (fs::exists(directory / run_file::summary, error)) {
    run.summary = json::parse(read_text_file(directory / run_file::summary, "summary"));
  } else {
    fs::remove(directory / run_file::state, error);  // the same steps would fail again
  }
  return run;
}

std::string percent(double share) { return fmt::format("{:.2f} %", 100 * share); }

std::string entry_text(const json& summary) {
  const json& entry = summary["turnpike"]["entry_layer"];
  return entry.is_null() ? std::string("never") : fmt::format("{}", entry.get<int>());
}

/// Column `name` of a run's layers.csv.
std::vector<double> layer_column(const fs::path& directory, std::string_view name) {
  std::istringstream table(read_text_file(directory / "layers.csv", "table of layers"));
  const auto fields = [](const std::string& line) {
    std::vector<std::string> list;
    std::istringstream cells(line);
    for (std::string cell; std::getline(cells, cell, ',');) {
      list.push_back(cell);
    }
    return list;
  };
  std::string line;
  std::getline(table, line);
  const std::vector<std::string> head = fields(line);
  const auto column = static_cast<std::size_t>(std::find(head.begin(), head.end(), name) - head.begin());
  std::vector<double> values;
  while (std::getline(table, line)) {
    const std::vector<std::string> cells = fields(line);
    if (column < cells.size() && !cells[column].empty()) {
      values.push_back(std::stod(cells[column]));
    }
  }
  return values;
}

/// x_1 − x_2 of every fourth sample of the two spirals over the layers, in the colours of the classes:
/// Figure 3.
std::vector<LayerCurve> two_spirals_trajectories(const fs::path& directory,
                                                 const IntegratorRegistry& integrators) {
  const StoredModel model = load_model(directory.string());
  const Experiment<double> e = load_experiment<double>(model.info);
  const ProblemDefinition<double> definition =
      make_definition<double>(e.config, e.train.class_count(), integrators);
  OptimalControlProblem<double> problem(definition, borrowed(e.train));
  IntegrationStatus status;
  const std::vector<State<double>> states = problem.states(model.control(definition), status);
  if (!status.ok()) {
    throw NumericalError(fmt::format("the trajectories of '{}': {}", directory.string(), status.message()));
  }
  std::vector<LayerCurve> curves;
  for (Index d = 0; d < e.train.size(); d += 4) {
    LayerCurve curve;
    curve.colour = static_cast<std::size_t>(e.train.labels[static_cast<std::size_t>(d)]);
    for (const State<double>& X : states) {
      curve.values.push_back(X(0, d) - X(1, d));
    }
    curves.push_back(std::move(curve));
  }
  const double delta = SoftCrossEntropyGeometry(2, e.config.cost.p_d).delta();
  const auto nodes = states.size();
  curves.push_back({"minimizers of class 0", std::vector<double>(nodes, -delta), 2, true});
  curves.push_back({"minimizers of class 1", std::vector<double>(nodes, delta), 3, true});
  return curves;
}

PaperSection figure_1(const fs::path& out, std::string& no_figures) {
  const SoftCrossEntropyGeometry geometry(2, 0.95);
  no_figures = draw_soft_cross_entropy(0.95, out / "figures");
  return {"Figure 1: the soft cross-entropy and its minimizers",
          fmt::format("Two classes, label 1, p_d = 0.95: the minimizers are the line x_2 = x_1 {:+.4f}.",
                      geometry.delta()),
          out / "figures" / "loss_plane.svg",
          {}};
}

PaperSection bounds_section(const fs::path& out) {
  PaperSection section;
  section.title = "Lemmas 5 and 8: two constants that are printed otherwise";
  section.figure = out / "figures" / "loss_bounds.svg";
  section.table = {{"", "printed", "as it must be"}};
  const auto add = [&](const std::string& name, double printed, double right) {
    section.table.push_back({name, fmt::format("{:.6g}", printed), fmt::format("{:.6g}", right)});
  };
  for (const auto& [classes, p_d] : {std::pair<Index, double>{2, 0.95}, {10, 0.91}}) {
    const SoftCrossEntropyGeometry geometry(classes, p_d);
    const auto C = static_cast<double>(classes);
    std::vector<double> printed = geometry.minimizer(0);
    add(fmt::format("C = {}, p_d = {}: entry of x̃*_y at y", classes, p_d), -C / (C - 1) * geometry.delta(),
        printed[0]);
    printed[0] = -C / (C - 1) * geometry.delta();
    double sum = 0;
    for (const double entry : printed) {
      sum += entry;
    }
    add("  1ᵀx̃*_y, 0 in X_T", sum, 0);
    add("  loss there, 0 at a minimizer", geometry.loss(printed, 0), 0);
    const SoftCrossEntropyGeometry::SharpMinimum one = geometry.sharp_minimum(1);
    add("  lower bound just above s = 1 (m s + b)", one.slope + geometry.curvature() / 2,
        geometry.tangent_bound(1));
    add("  least loss there", one.value, one.value);
  }
  section.text =
      "The point of X*_y with 1ᵀx = 0 has the entry −((C−1)/C) δ at the label, not −C/(C−1) δ; and the "
      "linear branch "
      "of α cannot start at m + λ/2, which lies above the loss: a line from α*(1) of slope α*(1) does. The "
      "results that rest on the two lemmas hold with the corrected constants.";
  return section;
}

PaperSection table_1_section() {
  PaperSection section;
  section.title = "Table 1: which stage costs are strictly dissipative";
  section.text =
      "By computation, for two classes and p_d = 0.95: α(dist) against the cost at random pairs, and the "
      "sequence that leaves no α of class K∞ to the cross-entropy.";
  section.table = {{"stage cost", "strictly dissipative", "evidence"}};
  for (const StageCostRow& row : table_1(2, 0.95, 1000000, 1)) {
    section.table.push_back({row.stage_cost, row.strict ? "yes" : "not with α of class K∞", row.evidence});
  }
  return section;
}

/// Returns whether all trainings ended well.
bool add_two_spirals(std::vector<PaperSection>& sections, const fs::path& out,
                     const ReproduceOptions& options, const IntegratorRegistry& integrators) {
  const PaperRun run = train_into(out / "two-spirals", "two-spirals", options, {}, integrators);
  if (run.summary.is_null()) {
    sections.push_back({"Figures 2 to 4: two spirals", "The training failed.", {}, {}});
    return false;
  }
  sections.push_back({"Figure 2: the two spirals",
                      "480 samples in the coordinates of Lang and Witbrock.",
                      run.directory / "figures" / "data.svg",
                      {}});
  (void)draw_over_layers("trajectories", "State trajectories of the two spirals", "x_1 − x_2",
                         two_spirals_trajectories(run.directory, integrators), false,
                         out / "figures" / "spirals");
  const json& s = run.summary;
  sections.push_back(
      {"Figure 3: the state trajectories",
       fmt::format("Every fourth sample; dashed, where the minimizers are. The text says that the classes "
                   "are separated "
                   "in the first ten layers; here the mean loss {}.",
                   s["turnpike"]["entry_layer"].is_null()
                       ? fmt::format("does not stay below {}", entry_loss)
                       : fmt::format("stays below {} from layer {} on", entry_loss, entry_text(s))),
       out / "figures" / "spirals" / "trajectories.svg",
       {}});
  sections.push_back({"Figure 4: the final layer",
                      fmt::format("The text finds the samples close around the minimizers of both classes; "
                                  "here their distance is {:.3f} in "
                                  "the mean and {:.3f} at most.",
                                  s["turnpike"]["final_mean_distance"].get<double>(),
                                  s["turnpike"]["final_max_distance"].get<double>()),
                      run.directory / "figures" / "final_layer.svg",
                      {}});
  const PaperRun literal =
      train_into(out / "two-spirals-literal", "two-spirals-paper", options, {}, integrators);
  PaperSection numbers;
  numbers.title = "Two spirals in numbers";
  numbers.text =
      "The learning rate 0.1, constant, for coordinates within [−1, 1] does not train: half of the samples "
      "stay on "
      "the wrong side. What trains is the generator's original size, a rate of 0.03 that falls by a cosine, "
      "clipped gradients "
      "and a second layer that starts at zero; r‖u‖² enters as in (17), where Adam's weight decay r means "
      "r/2‖u‖².";
  numbers.table = {{"", "taken literally", "this library's recipe"}};
  const auto row = [&](const std::string& name, auto&& value) {
    numbers.table.push_back(
        {name, literal.summary.is_null() ? "training failed" : value(literal.summary), value(s)});
  };
  row("accuracy, train", [](const json& v) { return percent(v["accuracy_train"]); });
  row("accuracy, test", [](const json& v) { return percent(v["accuracy_test"]); });
  row("objective V", [](const json& v) { return fmt::format("{:.4f}", v["objective"].get<double>()); });
  row("entry into the turnpike, layer", entry_text);
  row("layers outside ε = 1 a sample, measured",
      [](const json& v) { return fmt::format("{:.2f}", v["turnpike"]["measured_outside"].get<double>()); });
  row("… certified",
      [](const json& v) { return fmt::format("{:.2f}", v["turnpike"]["certified_outside"].get<double>()); });
  sections.push_back(numbers);
  return !literal.summary.is_null();
}

/// Returns whether all trainings ended well.
bool add_mnist(std::vector<PaperSection>& sections, const fs::path& out, const ReproduceOptions& options,
               const IntegratorRegistry& integrators) {
  PaperSection section;
  section.title = "Figure 5: MNIST with and without the stage cost";
  if (options.data.empty()) {
    section.text = "Left out: it takes the MNIST files (--data DIRECTORY) and about a quarter of an hour.";
    sections.push_back(section);
    return true;
  }
  bool all_well = true;
  std::vector<LayerCurve> curves;
  section.table = {{"trained", "accuracy, train", "accuracy, test", "train loss at N/2", "train loss at N",
                    "layers that suffice"}};
  // `legend` is what the picture calls the curves of this colour; empty for all but one of them.
  const auto add = [&](const std::string& name, const std::string& shown, std::size_t colour,
                       const std::string& legend, const std::vector<std::string>& keys) {
    const PaperRun run = train_into(out / name, "mnist", options, keys, integrators);
    if (run.summary.is_null()) {
      section.table.push_back({shown, "training failed"});
      all_well = false;
      return;
    }
    const std::vector<double> train_loss = layer_column(run.directory, "loss_train");
    curves.push_back({legend, train_loss, colour, false});
    curves.push_back({"", layer_column(run.directory, "loss_test"), colour, true});
    const Cropping cropping = find_cropping(layer_column(run.directory, "accuracy_train"),
                                            layer_column(run.directory, "accuracy_test"));
    section.table.push_back(
        {shown, percent(run.summary["accuracy_train"]), percent(run.summary["accuracy_test"]),
         fmt::format("{:.4f}", train_loss[(train_loss.size() - 1) / 2]),
         fmt::format("{:.4f}", train_loss.back()), fmt::format("{} of {}", cropping.depth, cropping.layers)});
  };
  add("mnist-stage-60", "with stage cost, 60 layers", 1, "with stage cost, 60 layers", {});
  for (int N = 10; N <= 60; N += 10) {
    add(fmt::format("mnist-none-{}", N), fmt::format("without, {} layers", N), 0,
        N == 60 ? "without, 10 to 60 layers" : "",
        {"cost.stage=none", fmt::format("control.intervals={}", N)});
  }
  (void)draw_over_layers("figure5", "Training (lines) and test loss (dashes)", "loss", curves, true,
                         out / "figures" / "mnist");
  section.figure = out / "figures" / "mnist" / "figure5.svg";
  section.text =
      "With the stage cost the loss is low after some ten layers and stays there; without it the network "
      "uses "
      "all its depth, whatever that is. The text does not give the number of epochs; here it is 6.";
  sections.push_back(section);
  return all_well;
}

}  // namespace

int reproduce(const ReproduceOptions& options, const IntegratorRegistry& integrators) {
  if (options.subject != "paper") {
    throw InputError(fmt::format("`turnpike reproduce` knows 'paper', not '{}'", options.subject));
  }
  const fs::path out = options.out;
  std::error_code error;
  for (const std::string& key : options.keys) {
    if (key.rfind("optimizer.epochs=", 0) != 0 && key.rfind("data.per_class=", 0) != 0) {
      throw InputError(
          fmt::format("--set {}: the paper's settings stand; only optimizer.epochs and data.per_class can be "
                      "set, for a shorter trial",
                      key));
    }
    RunConfig trial = recipe("two-spirals");
    set_key(trial, key);
  }
  if (!options.data.empty()) {  // read once before all else: the trainings before MNIST's take minutes
    Overrides overrides;
    overrides.data = options.data;
    (void)load_experiment<float>(source_config("mnist", overrides));
  }
  const bool begun = fs::exists(out / "paper.json", error);
  if (!begun && fs::exists(out, error) && !(fs::is_directory(out, error) && fs::is_empty(out, error))) {
    throw InputError(fmt::format(
        "'{}' exists already and was not made by `turnpike reproduce`; choose another directory with --out",
        options.out));
  }
  if (begun) {
    const json former =
        json::parse(read_text_file(out / "paper.json", "record of `reproduce`"), nullptr, false);
    if (!former.is_object() || former.value("set", json()) != json(options.keys)) {
      throw InputError(
          fmt::format("'{}' was begun with other --set; repeat them or choose another directory with --out",
                      options.out));
    }
  }
  fs::create_directories(out, error);
  if (error) {
    throw InputError(fmt::format("'{}' cannot be created: {}; choose another directory with --out",
                                 options.out, error.message()));
  }
  json result = {{"set", options.keys}, {"finished", false}};
  write_file_atomically(out / "paper.json", result.dump(2) + "\n");
  std::vector<PaperSection> sections;
  std::string no_figures;
  sections.push_back(figure_1(out, no_figures));
  sections.push_back(bounds_section(out));
  sections.push_back(table_1_section());
  bool all_well = false;
  try {
    all_well = add_two_spirals(sections, out, options, integrators);
    all_well = add_mnist(sections, out, options, integrators) && all_well;
  } catch (const Interrupted&) {
    tell("turnpike: stopped; the same command goes on where it was\n");
    return 130;
  }
  write_file_atomically(out / "paper.html", render_paper_page(sections));
  result["finished"] = all_well;
  result["sections"] = json::array();
  for (const PaperSection& section : sections) {
    result["sections"].push_back(
        {{"title", section.title}, {"text", section.text}, {"table", section.table}});
  }
  write_file_atomically(out / "paper.json", result.dump(2) + "\n");
  for (const PaperSection& section : sections) {
    fmt::print("{}\n    {}\n", section.title, section.text);
    for (const std::vector<std::string>& row : section.table) {
      fmt::print("    {}\n", fmt::join(row, "  |  "));
    }
  }
  fmt::print("{}\n", (out / "paper.html").string());
  if (!no_figures.empty()) {
    tell("turnpike: {}\n", no_figures);
  }
  if (!all_well) {
    tell("turnpike: a training failed; the page leaves out what rests on it\n");
    return 1;
  }
  return 0;
}

}  // namespace turnpike::cli
