#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "io/precision.hpp"
#include "io/run_results.hpp"
#include "turnpike/cropping.hpp"
#include "turnpike/error.hpp"

namespace turnpike::cli {

namespace {

using json = nlohmann::ordered_json;

void check_options(const CropOptions& options) {
  if ((options.depth ? 1 : 0) + (options.tolerance ? 1 : 0) + (options.certified ? 1 : 0) > 1) {
    throw InputError("--depth, --tolerance and --certified are three ways to choose the depth; give one");
  }
  if (options.depth && *options.depth < 0) {
    throw InputError(fmt::format("--depth {}; give a number of layers from 0 on", *options.depth));
  }
  if (options.tolerance && !(*options.tolerance >= 0 && *options.tolerance <= 1)) {
    throw InputError(fmt::format("--tolerance {}; give the share of accuracy that may go, from 0 to 1",
                                 *options.tolerance));
  }
  if (options.certified && !(*options.certified >= 0 && std::isfinite(*options.certified))) {
    throw InputError(fmt::format("--certified {}; give a finite bound of at least 0", *options.certified));
  }
}

/// A depth and the rule that gives it.
struct Choice {
  Index depth = 0;
  std::string rule;
};

/// What is known of a model that was cropped, at its nodes.
struct Sweep {
  RunResults results;
  Cropping cropping;              ///< by the measured tolerance, and by the certified share
  std::optional<Index> by_bound;  ///< first depth with a certified change within --certified
  Choice taken;
};

/// The largest certified change at node k over both splits.
double certified_change(const RunResults& results, std::size_t k) {
  return std::max(results.train.certified_change[k], results.test ? results.test->certified_change[k] : 0.0);
}

void choose(const CropOptions& options, Index layers, Sweep& sweep) {
  const RunResults& results = sweep.results;
  sweep.cropping = cropping_of(results, options.tolerance.value_or(cropping_tolerance));
  if (options.certified) {
    if (!results.uncertified.empty()) {
      throw InputError(
          fmt::format("--certified: {}; give --tolerance or --depth instead", results.uncertified));
    }
    std::size_t k = 0;
    while (certified_change(results, k) > *options.certified) {
      ++k;
    }
    sweep.by_bound = static_cast<Index>(k);
    sweep.taken = {*sweep.by_bound, fmt::format("certified change of at most {:.3g}", *options.certified)};
  } else if (options.depth) {
    sweep.taken = {*options.depth, "asked for"};
  } else {
    sweep.taken = {static_cast<Index>(sweep.cropping.depth),
                   fmt::format("measured tolerance of {:.3g} %", 100 * sweep.cropping.tolerance)};
  }
  if (sweep.taken.depth > layers) {
    throw InputError(fmt::format("--depth {}, but the model has {} layers; give 0 to {}", sweep.taken.depth,
                                 layers, layers));
  }
}

/// The configuration of the model's first layers. A model has at least one layer: that of depth 0 has one of
/// zero control, which holds every state.
RunConfig cropped_config(RunConfig config, const TimeGrid& grid, Index depth) {
  const TimeGrid kept = first_intervals(grid, std::max<Index>(depth, 1));
  auto& control = config.control;
  control.intervals = kept.intervals();
  control.horizon = kept.horizon();
  // T/K is not always exact: where equal intervals round to other nodes, the nodes are kept one by one.
  const bool equal = TimeGrid::uniform(kept.intervals(), kept.horizon()).nodes() == kept.nodes();
  control.nodes = equal ? std::vector<double>() : kept.nodes();
  if (control.active_intervals) {
    control.active_intervals = std::min(*control.active_intervals, kept.intervals());
  }
  return config;
}

template <class T>
Control<T> cropped_control(const Control<T>& u, Index depth) {
  return depth == 0 ? Control<T>(u.layout(), 1) : first_intervals(u, depth);
}

/// The states of `data` at node k under u, n×D.
template <class T>
State<T> states_at(const ProblemDefinition<T>& definition, const Dataset<T>& data, const Control<T>& u,
                   Index k) {
  OptimalControlProblem<T> problem(definition, borrowed(data));
  State<T> X(definition.field->state_dimension(), data.size());
  const Objective V = problem.visit_states(u, [&](Index j, Index first, ConstTile<T> tile) {
    if (j == k) {
      X.middleCols(first, tile.columns) = matrix(tile);
    }
  });
  if (!V.status.ok()) {
    throw NumericalError(fmt::format("the cropped model cannot be checked: {}", V.status.message()));
  }
  return X;
}

/// How the states after the written model's last layer compare with those of the full model at that node.
struct Verification {
  Index samples = 0;
  bool same_bits = true;
  double largest_difference = 0;
};

template <class T>
void verify(const ProblemDefinition<T>& full, const Control<T>& u, const ProblemDefinition<T>& cropped,
            const Control<T>& shorter, Index depth, const Dataset<T>& data, Verification& verification) {
  if (data.size() == 0) {
    return;
  }
  const State<T> expected = states_at(full, data, u, depth);
  const State<T> found = states_at(cropped, data, shorter, shorter.intervals());
  verification.samples += data.size();
  if (std::memcmp(expected.data(), found.data(), static_cast<std::size_t>(expected.size()) * sizeof(T)) !=
      0) {
    verification.same_bits = false;
    verification.largest_difference = std::max(verification.largest_difference,
                                               static_cast<double>((expected - found).cwiseAbs().maxCoeff()));
  }
}

json finite(double value) { return std::isfinite(value) ? json(value) : json(); }

json sweep_json(const RunResults& results) {
  json rows = json::array();
  for (std::size_t k = 0; k < results.train.times.size(); ++k) {
    json row = {{"k", k}, {"t", results.train.times[k]}};
    const auto add = [&](const std::string& split, const Measurement& m) {
      row["loss_" + split] = m.loss[k];
      row["accuracy_" + split] = m.accuracy[k];
      row["flips_" + split] = m.changed[k];
      if (!m.certified_share.empty()) {
        row["certified_share_" + split] = m.certified_share[k];
      }
    };
    add("train", results.train);
    if (results.test) {
      add("test", *results.test);
    }
    if (results.uncertified.empty()) {
      row["certified_change"] = finite(certified_change(results, k));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

json choices_json(const CropOptions& options, const Sweep& sweep) {
  const RunResults& results = sweep.results;
  const auto at = [&](Index depth) {
    const auto k = static_cast<std::size_t>(depth);
    json result = {{"layers", depth}, {"accuracy_train", results.train.accuracy[k]}};
    result["accuracy_test"] = results.test ? json(results.test->accuracy[k]) : json();
    return result;
  };
  json by_tolerance = at(static_cast<Index>(sweep.cropping.depth));
  by_tolerance["tolerance"] = sweep.cropping.tolerance;
  json certified;
  if (sweep.cropping.certified_depth) {
    certified = at(static_cast<Index>(*sweep.cropping.certified_depth));
    certified["tolerance"] = sweep.cropping.tolerance;
  }
  json taken = at(sweep.taken.depth);
  taken["rule"] = sweep.taken.rule;
  json result = {{"by_tolerance", by_tolerance}, {"certified", certified}};
  if (!results.uncertified.empty()) {
    result["uncertified"] = results.uncertified;
  }
  if (sweep.by_bound) {
    result["by_certified_change"] = at(*sweep.by_bound);
    result["by_certified_change"]["bound"] = *options.certified;
  }
  result["taken"] = taken;
  return result;
}

void print_sweep(const RunResults& results) {
  const bool certified = results.uncertified.empty();
  const bool test = results.test.has_value();
  const auto pair = [&](double first, const double* second, const char* unit) {
    return fmt::format("{:>9}", fmt::format("{:.2f}{}", first, unit)) +
           (second != nullptr ? fmt::format("{:>9}", fmt::format("{:.2f}{}", *second, unit)) : "");
  };
  fmt::print("{:>5} {:>9} {:>11}", "layer", "t", "loss");
  fmt::print("{}", test ? fmt::format(" {:>11}", "test") : "");
  for (const char* name : {"accuracy", "flips"}) {
    fmt::print("{:>9}{}", name, test ? fmt::format("{:>9}", "test") : "");
  }
  if (certified) {
    fmt::print(" {:>10}{:>9}{}", "change ≤", "fixed", test ? fmt::format("{:>9}", "test") : "");
  }
  fmt::print("\n");
  const auto cells = [&](std::size_t k, std::vector<double> Measurement::*values) {
    const double second = test ? 100 * ((*results.test).*values)[k] : 0.0;
    return pair(100 * (results.train.*values)[k], test ? &second : nullptr, " %");
  };
  for (std::size_t k = 0; k < results.train.times.size(); ++k) {
    fmt::print("{:>5} {:>9.4g} {:>11.4e}", k, results.train.times[k], results.train.loss[k]);
    fmt::print("{}", test ? fmt::format(" {:>11.4e}", results.test->loss[k]) : "");
    fmt::print("{}{}", cells(k, &Measurement::accuracy), cells(k, &Measurement::changed));
    if (certified) {
      fmt::print(" {:>10.3g}{}", certified_change(results, k), cells(k, &Measurement::certified_share));
    }
    fmt::print("\n");
  }
}

void print_choices(const CropOptions& options, const Sweep& sweep) {
  const Cropping& c = sweep.cropping;
  fmt::print("\nmeasured    {} of {} layers lose at most {:.3g} % of accuracy\n", c.depth, c.layers,
             100 * c.tolerance);
  if (!c.certified_depth) {
    fmt::print("certified   {}\n", sweep.results.uncertified);
  } else if (*c.certified_depth == c.layers) {
    fmt::print("certified   no fewer layers: for none is it proved that the others keep the classes\n");
  } else {
    fmt::print("certified   after {} of {} layers the others change at most {:.3g} % of the classes\n",
               *c.certified_depth, c.layers, 100 * c.tolerance);
  }
  if (sweep.by_bound) {
    fmt::print("certified   after {} of {} layers the outputs change by at most {:.3g}\n", *sweep.by_bound,
               c.layers, *options.certified);
  }
  const auto k = static_cast<std::size_t>(sweep.taken.depth);
  fmt::print("taken       {} of the layers ({}): accuracy train {:.2f} %{}\n", k, sweep.taken.rule,
             100 * sweep.results.train.accuracy[k],
             sweep.results.test ? fmt::format(", test {:.2f} %", 100 * sweep.results.test->accuracy[k]) : "");
}

}  // namespace

int crop(const CropOptions& options, const IntegratorRegistry& integrators) {
  check_options(options);
  const Overrides& o = options.overrides;
  if (!options.out.empty() && (!o.integrator.empty() || !o.adjoint.empty() || !o.keys.empty())) {
    throw InputError(
        "--out writes the model as it was trained; leave --integrator, --adjoint and --set away, or --out");
  }
  const StoredModel model = load_model(options.model);
  std::error_code error;
  if (!options.out.empty() && std::filesystem::equivalent(options.out, model.file, error)) {
    throw InputError(fmt::format(
        "--out {} is the model itself, whose other layers would be lost; give another file", options.out));
  }
  ModelInfo info = model_info(model, options.overrides, ModelUse::states);
  settle_precision(info.config, integrators);
  Sweep sweep;
  Verification verification;
  RunConfig written;
  with_precision(info.config, [&]<class T>() {
    const Experiment<T> e = load_experiment<T>(info, options.overrides.data);
    const ProblemDefinition<T> definition = make_definition<T>(e.config, e.train.class_count(), integrators);
    const Control<T> u = model.control(definition);
    if (options.depth && *options.depth > u.intervals()) {
      throw InputError(fmt::format("--depth {}, but the model has {} layers; give 0 to {}", *options.depth,
                                   u.intervals(), u.intervals()));
    }
    sweep.results = measure_nodes(e, u, integrators);
    choose(options, u.intervals(), sweep);
    if (options.out.empty()) {
      return;
    }
    ModelInfo shorter = info;
    shorter.config = cropped_config(info.config, definition.grid, sweep.taken.depth);
    shorter.config.run.threads = model.info.config.run.threads;
    write_model(options.out, shorter, cropped_control(u, sweep.taken.depth));
    // What stands in the file is what is checked.
    const StoredModel stored = load_model(options.out);
    RunConfig config = stored.info.config;
    config.run.threads = e.config.run.threads;
    const ProblemDefinition<T> cropped = make_definition<T>(config, e.train.class_count(), integrators);
    const Control<T> first = stored.control(cropped);
    for (const Dataset<T>* data : {&e.train, &e.test}) {
      verify(definition, u, cropped, first, sweep.taken.depth, *data, verification);
    }
    written = config;
  });
  const int status = options.out.empty() || verification.same_bits ? 0 : 1;
  if (options.json) {
    json result = {{"integrator", info.config.integrator.name},
                   {"layers", sweep.cropping.layers},
                   {"sweep", sweep_json(sweep.results)}};
    result.update(choices_json(options, sweep));
    if (!options.out.empty()) {
      result["model"] = {{"file", options.out},
                         {"intervals", written.control.intervals},
                         {"horizon", *written.control.horizon},
                         {"samples", verification.samples},
                         {"same_bits", verification.same_bits},
                         {"largest_difference", finite(verification.largest_difference)}};
    }
    fmt::print("{}\n", result.dump(2));
    return status;
  }
  print_sweep(sweep.results);
  print_choices(options, sweep);
  if (options.out.empty()) {
    return 0;
  }
  fmt::print("model       {}: {} layer{}{}\n", options.out, written.control.intervals,
             written.control.intervals == 1 ? "" : "s",
             sweep.taken.depth == 0 ? " of zero control, which holds every state" : "");
  fmt::print(
      "checked     {}\n",
      verification.same_bits
          ? fmt::format("its states are those of the full model at layer {} bit for bit, of {} samples",
                        sweep.taken.depth, verification.samples)
          : fmt::format("its states differ by up to {:.2g} from those of the full model at layer {}, of "
                        "{} samples",
                        verification.largest_difference, sweep.taken.depth, verification.samples));
  return status;
}

}  // namespace turnpike::cli
