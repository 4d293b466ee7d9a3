#include "io/config_table.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <type_traits>

#include "turnpike/activation.hpp"
#include "turnpike/error.hpp"

namespace turnpike {

namespace {

using nlohmann::json;

[[noreturn]] void reject(const std::string& what) { throw std::invalid_argument(what); }

double as_number(const json& value) {
  if (!value.is_number()) {
    reject("give a number");
  }
  const auto number = value.get<double>();
  if (!std::isfinite(number)) {
    reject("give a finite number");
  }
  return number;
}

std::int64_t as_whole(const json& value) {
  if (value.is_number_float() && std::floor(value.get<double>()) == value.get<double>() &&
      std::abs(value.get<double>()) < 9e15) {
    return static_cast<std::int64_t>(value.get<double>());
  }
  if (!value.is_number_integer()) {
    reject("give a whole number");
  }
  return value.get<std::int64_t>();
}

/// Numbers in [low, high], or (low, high) when `open`.
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool open = false;

  void check(double x) const {
    const bool inside = open ? x > low && x < high : x >= low && x <= high;
    if (!inside) {
      if (std::isinf(high)) {
        reject(fmt::format("give a number {} {}", open ? "above" : "of at least", low));
      }
      reject(fmt::format("give a number {} {} {} {}", open ? "strictly between" : "from", low,
                         open ? "and" : "to", high));
    }
  }
};

constexpr double infinite = std::numeric_limits<double>::infinity();
constexpr Range positive{0, infinite, true};
constexpr Range nonnegative{0, infinite, false};
constexpr Range at_least_one{1, 1e12, false};

template <class Number>
Number as(const json& value, const Range& range) {
  if constexpr (std::is_floating_point_v<Number>) {
    const double number = as_number(value);
    range.check(number);
    return number;
  } else {
    const std::int64_t number = as_whole(value);
    range.check(static_cast<double>(number));
    return static_cast<Number>(number);
  }
}

/// A key for a number or an optional number.
template <class Access>
ConfigKey number(std::string name, Range range, std::string text, Access access) {
  using Member = std::remove_cvref_t<decltype(access(std::declval<RunConfig&>()))>;
  ConfigKey key;
  key.name = std::move(name);
  key.text = std::move(text);
  if constexpr (std::is_arithmetic_v<Member>) {
    key.type = std::is_floating_point_v<Member> ? "number" : "whole number";
    key.get = [access](const RunConfig& c) { return json(access(c)); };
    key.set = [access, range](RunConfig& c, const json& v) { access(c) = as<Member>(v, range); };
  } else {
    using Value = typename Member::value_type;
    key.type = std::is_floating_point_v<Value> ? "number" : "whole number";
    key.get = [access](const RunConfig& c) { return access(c) ? json(*access(c)) : json(); };
    key.set = [access, range](RunConfig& c, const json& v) {
      if (v.is_null()) {
        access(c).reset();
      } else {
        access(c) = as<Value>(v, range);
      }
    };
  }
  return key;
}

/// A key for a text or an optional text, one of `choices` unless that is empty.
template <class Access>
ConfigKey text(std::string name, std::vector<std::string> choices, std::string description, Access access) {
  ConfigKey key;
  key.name = std::move(name);
  key.text = std::move(description);
  key.type = choices.empty() ? "text" : fmt::format("{}", fmt::join(choices, " | "));
  using Member = std::remove_cvref_t<decltype(access(std::declval<RunConfig&>()))>;
  constexpr bool optional = !std::is_same_v<Member, std::string>;
  key.get = [access](const RunConfig& c) {
    if constexpr (optional) {
      return access(c) ? json(*access(c)) : json();
    } else {
      return json(access(c));
    }
  };
  key.set = [access, choices](RunConfig& c, const json& v) {
    if constexpr (optional) {
      if (v.is_null()) {
        access(c).reset();
        return;
      }
    }
    if (!v.is_string()) {
      reject("give a text in quotes");
    }
    const auto value = v.get<std::string>();
    if (!choices.empty() && std::find(choices.begin(), choices.end(), value) == choices.end()) {
      const std::string nearest = nearest_name(value, choices);
      reject(fmt::format("give one of {}{}", fmt::join(choices, ", "),
                         nearest.empty() ? "" : fmt::format(" (did you mean '{}'?)", nearest)));
    }
    access(c) = value;
  };
  return key;
}

/// A key for an activation, checked for σ(0) = 0.
template <class Access>
ConfigKey activation(std::string name, std::string description, Access access) {
  ConfigKey key = text(std::move(name), {}, std::move(description), access);
  key.set = [access](RunConfig& c, const json& v) {
    if (!v.is_string()) {
      reject("give a text in quotes");
    }
    try {
      access(c) = std::string(name_of(activation_from_name(v.get<std::string>())));
    } catch (const InputError& error) {
      reject(error.what());
    }
  };
  return key;
}

ConfigKey standardize_key() {
  ConfigKey key;
  key.name = "data.standardize";
  key.type = "true or false";
  key.text = "Shift and scale each feature to mean 0 and standard deviation 1 over the training samples.";
  key.get = [](const RunConfig& c) { return json(c.data.standardize); };
  key.set = [](RunConfig& c, const json& v) {
    if (!v.is_boolean()) {
      reject("give true or false");
    }
    c.data.standardize = v.get<bool>();
  };
  return key;
}

/// `key`, which takes `of_recipe` back when it is set.
ConfigKey set_by_user(ConfigKey key, bool RunConfig::Optimizer::*of_recipe) {
  key.set = [set = key.set, of_recipe](RunConfig& c, const json& v) {
    set(c, v);
    c.optimizer.*of_recipe = false;
  };
  return key;
}

ConfigKey components_key() {
  ConfigKey key;
  key.name = "cost.components";
  key.type = "list of whole numbers";
  key.text = "State components that the losses see, one a class, counted from 0; empty for the first C.";
  key.get = [](const RunConfig& c) { return json(c.cost.components); };
  key.set = [](RunConfig& c, const json& v) {
    if (!v.is_array()) {
      reject("give a list such as [0, 1]");
    }
    c.cost.components.clear();
    for (const json& entry : v) {
      c.cost.components.push_back(as<Index>(entry, nonnegative));
    }
  };
  return key;
}

ConfigKey nodes_key() {
  ConfigKey key;
  key.name = "control.nodes";
  key.type = "list of numbers";
  key.text =
      "The times 0 = t_0 < t_1 < … < t_K of the intervals, e.g. [0, 0.5, 2]; empty for equal intervals.";
  key.get = [](const RunConfig& c) { return json(c.control.nodes); };
  key.set = [](RunConfig& c, const json& v) {
    if (!v.is_array()) {
      reject("give a list such as [0, 0.5, 2]");
    }
    c.control.nodes.clear();
    for (const json& entry : v) {
      c.control.nodes.push_back(as_number(entry));
    }
  };
  return key;
}

ConfigKey targets_key() {
  ConfigKey key;
  key.name = "cost.targets";
  key.type = "list of points";
  key.text = "The quadratic cost's target of each class, e.g. [[1, -1], [-1, 1]]; empty for unit vectors.";
  key.get = [](const RunConfig& c) { return json(c.cost.targets); };
  key.set = [](RunConfig& c, const json& v) {
    if (!v.is_array()) {
      reject("give a list of points such as [[1, -1], [-1, 1]]");
    }
    c.cost.targets.clear();
    for (const json& point : v) {
      if (!point.is_array() || point.empty()) {
        reject("give a list of points such as [[1, -1], [-1, 1]]");
      }
      std::vector<double> coordinates;
      for (const json& entry : point) {
        coordinates.push_back(as_number(entry));
      }
      c.cost.targets.push_back(std::move(coordinates));
    }
  };
  return key;
}

std::vector<ConfigKey> make_table() {
  const std::vector<std::string> costs = {"soft-cross-entropy", "cross-entropy", "quadratic", "none"};
#define MEMBER(path) \
  [](auto& c) -> auto& { return c.path; }
  return {
      text("data.source", {"two-spirals", "csv", "mnist", "idx"},
           "Where the samples come from: generated, a CSV file, a directory with MNIST's four files, or any "
           "pair of "
           "IDX files.",
           MEMBER(data.source)),
      text("data.path", {}, "The training samples: a CSV file, MNIST's directory, or an IDX file of images.",
           MEMBER(data.path)),
      text("data.label", {}, "The CSV column that holds the class; empty for the last.", MEMBER(data.label)),
      text("data.labels", {}, "idx: the IDX file of the training samples' labels.", MEMBER(data.labels)),
      text("data.test_path", {},
           "The CSV file, or the IDX file of images, of the test samples; empty for none.",
           MEMBER(data.test_path)),
      text("data.test_labels", {}, "idx: the IDX file of the test samples' labels.",
           MEMBER(data.test_labels)),
      number("data.test_fraction", {0, 0.9, false},
             "Share of each class of data.path that is set aside for testing.", MEMBER(data.test_fraction)),
      number("data.scale_pixels", positive,
             "mnist, idx: features are pixels, 0 to 255, times this number; the default is 1/255.",
             MEMBER(data.scale_pixels)),
      standardize_key(),
      number("data.per_class", {2, 1e7, false}, "Two spirals: training samples a class.",
             MEMBER(data.per_class)),
      number("data.turns", positive, "Two spirals: revolutions of each arm.", MEMBER(data.turns)),
      number("data.scale", positive, "Two spirals: radius of the outermost samples.", MEMBER(data.scale)),
      number("data.noise", nonnegative, "Two spirals: standard deviation added to each coordinate.",
             MEMBER(data.noise)),
      text("field.kind", {"two-layer", "single-layer"},
           "σ₂(A₂ σ₁(A₁x + b₁) + b₂), equation (26), or σ(Ax + b), equation (21).", MEMBER(field.kind)),
      number("field.hidden", {1, 1e6, false}, "Hidden dimension h of the two-layer field.",
             MEMBER(field.hidden)),
      activation("field.activation", "σ₁ of the two-layer, σ of the single-layer field; σ(0) = 0.",
                 MEMBER(field.activation)),
      activation("field.outer_activation", "σ₂ of the two-layer field; σ(0) = 0.",
                 MEMBER(field.outer_activation)),
      number("field.state", {1, 1e7, false},
             "State dimension n; unset for the larger of the numbers of features and classes. Components "
             "beyond the features start at 0.",
             MEMBER(field.state)),
      number("control.intervals", {1, 1e6, false},
             "Number K of intervals of constant control; with one Euler step each, the layers.",
             MEMBER(control.intervals)),
      number("control.horizon", positive, "Horizon T; unset for K, so that each interval has length 1.",
             MEMBER(control.horizon)),
      nodes_key(),
      text("control.initialization", {"second-layer-zero", "uniform", "zero", "contractive"},
           "Start: U(±1/√fan-in) with A₂ = b₂ = 0 (single-layer: a tenth of uniform), U(±1/√fan-in), 0, or a "
           "field "
           "that contracts to a point of its own in each interval.",
           MEMBER(control.initialization)),
      number("control.stiffness", positive, "h‖J‖ of a contractive start at its equilibria.",
             MEMBER(control.stiffness)),
      number("control.active_intervals", {1, 1e6, false},
             "Exact tail: train the first M intervals, with u = 0 in the others; unset for all.",
             MEMBER(control.active_intervals)),
      number("control.extend_by", {0, 1e6, false},
             "Exact tail: intervals that become active where the tail test says that it pays; 0 for none.",
             MEMBER(control.extend_by)),
      number("control.extend_every", at_least_one, "Exact tail: epochs between tail tests.",
             MEMBER(control.extend_every)),
      text("integrator.name", {}, "See `turnpike integrators`.", MEMBER(integrator.name)),
      number("integrator.substeps", {1, 1e6, false}, "Steps of equal size per control interval; unset for 1.",
             MEMBER(integrator.substeps)),
      number("integrator.rtol", {0, 1, true}, "Relative tolerance of adaptive schemes.",
             MEMBER(integrator.rtol)),
      number("integrator.atol", positive, "Absolute tolerance of adaptive schemes.", MEMBER(integrator.atol)),
      text("integrator.adjoint", {"discrete", "continuous"},
           "Which adjoint gives the gradient; unset for the scheme's own.", MEMBER(integrator.adjoint)),
      text("integrator.recovery", {"none", "bisect"},
           "What follows a step that an implicit scheme cannot solve: bisect takes two half steps instead.",
           MEMBER(integrator.recovery)),
      text("cost.stage", costs, "Stage cost ℓ beside r‖u‖².", MEMBER(cost.stage)),
      text("cost.terminal", costs, "Terminal cost ℓ_f.", MEMBER(cost.terminal)),
      number("cost.p_d", {0, 1, true}, "Label smoothing: probability of the label, in (1/C, 1).",
             MEMBER(cost.p_d)),
      number("cost.r", nonnegative, "Weight of ‖u‖² in the stage cost.", MEMBER(cost.r)),
      number("cost.gamma", nonnegative, "Weight γ of the terminal cost.", MEMBER(cost.gamma)),
      components_key(),
      targets_key(),
      text("cost.quadrature", {"scheme", "nodes"},
           "The running cost's integral: by the scheme's own weights, or trapezoidal over the nodes.",
           MEMBER(cost.quadrature)),
      text("optimizer.name", {"adam", "adamw", "sgd"}, "The update rule.", MEMBER(optimizer.name)),
      number("optimizer.learning_rate", positive, "Learning rate η.", MEMBER(optimizer.learning_rate)),
      text("optimizer.schedule", {"constant", "cosine", "step"}, "How η changes over the steps.",
           MEMBER(optimizer.schedule)),
      set_by_user(number("optimizer.warmup", nonnegative, "Steps over which η rises linearly from 0.",
                         MEMBER(optimizer.warmup)),
                  &RunConfig::Optimizer::warmup_of_recipe),
      number("optimizer.step_every", at_least_one, "Schedule step: epochs between reductions of η.",
             MEMBER(optimizer.step_every)),
      number("optimizer.step_factor", {0, 1, true}, "Schedule step: factor of each reduction.",
             MEMBER(optimizer.step_factor)),
      number("optimizer.clip", nonnegative, "Largest gradient norm of a step; 0 for no limit.",
             MEMBER(optimizer.clip)),
      number("optimizer.epochs", {0, 1e12, false}, "Passes over the training samples.",
             MEMBER(optimizer.epochs)),
      set_by_user(
          number("optimizer.batch", {0, 1e9, false},
                 "Samples per step; 0 for all of them. A recipe's own is cut to the number of samples.",
                 MEMBER(optimizer.batch)),
          &RunConfig::Optimizer::batch_of_recipe),
      number("optimizer.weight_decay", nonnegative,
             "w adds w u to the gradient (w/2 ‖u‖² to each step's loss); beside cost.r, not instead of it.",
             MEMBER(optimizer.weight_decay)),
      number("optimizer.beta1", {0, 0.999999, false}, "Adam's decay of the first moment.",
             MEMBER(optimizer.beta1)),
      number("optimizer.beta2", {0, 0.9999999, false}, "Adam's decay of the second moment.",
             MEMBER(optimizer.beta2)),
      number("optimizer.epsilon", positive, "Adam's ε, added to the root of the second moment.",
             MEMBER(optimizer.epsilon)),
      text("optimizer.finish", {"none", "lbfgs"}, "What follows the last epoch; restarts after a resume.",
           MEMBER(optimizer.finish)),
      number("optimizer.finish_iterations", at_least_one, "Evaluations that the finish may take.",
             MEMBER(optimizer.finish_iterations)),
      number("run.seed", {0, 9e15, false}, "Seed of the start, the noise and the shuffle.", MEMBER(run.seed)),
      text("run.precision", {"double", "float", "bf16"},
           "Scalar type of states, controls and gradients; bf16: float, with the factors of matrix products "
           "rounded to "
           "bfloat16, on processors that have it (see `turnpike doctor`).",
           MEMBER(run.precision)),
      number("run.threads", {1, 1024, false}, "Threads; never changes a bit of the result.",
             MEMBER(run.threads)),
      number("run.tile", {0, 1e9, false}, "Samples per tile; 0 chooses by the number of samples.",
             MEMBER(run.tile)),
      text("run.recomputation", {"none", "every", "binomial"},
           "Memory of the backward pass: all layers, or run.snapshots states, at equal distances or so that "
           "least is computed again.",
           MEMBER(run.recomputation)),
      number("run.snapshots", {1, 1e6, false}, "States kept a tile where records are computed again.",
             MEMBER(run.snapshots)),
      number("run.checkpoint_every", at_least_one, "Epochs between checkpoints.",
             MEMBER(run.checkpoint_every)),
  };
#undef MEMBER
}

}  // namespace

const std::vector<ConfigKey>& config_table() {
  static const std::vector<ConfigKey> table = make_table();
  return table;
}

std::string shown(const json& value) {
  if (value.is_null()) {
    return "nothing";
  }
  return value.is_number_float() ? fmt::format("{}", value.get<double>()) : value.dump();
}

}  // namespace turnpike
