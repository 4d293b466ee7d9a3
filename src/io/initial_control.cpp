#include <fmt/format.h>
#include <cmath>
#include <cstdint>

#include "turnpike/error.hpp"
#include "turnpike/experiment.hpp"
#include "turnpike/random.hpp"

namespace turnpike {

namespace {

/// F(x) = −S σ(x − c_k) in each interval, by h S = diag(s, s/2, …, s/n): at the equilibrium c_k the field
/// contracts at rates from s/n to s = `stiffness` an interval, if σ'(0) = 1. The components of c_k are from
/// U(−1, 1). With one layer, F(x) = σ(−S (x − c_k)).
template <class T>
void make_contractive(const RunConfig& config, Control<T>& u) {
  const Index n = *config.field.state;
  if (config.field.kind == "two-layer" && config.field.hidden < n) {
    throw InputError(fmt::format(
        "control.initialization = contractive needs field.hidden of at least field.state = {}, not {}", n,
        config.field.hidden));
  }
  const double h = *config.control.horizon / static_cast<double>(config.control.intervals);
  Random random(static_cast<std::uint64_t>(config.run.seed), RandomPurpose::initialization);
  for (Index k = 0; k < u.intervals(); ++k) {
    for (Index i = 0; i < n; ++i) {
      const double rate = -config.control.stiffness / (h * static_cast<double>(i + 1));
      const double target = random.uniform(-1.0, 1.0);
      for (const ControlBlock& block : u.layout().blocks()) {
        T* const entries = u.interval(k) + block.offset;
        const bool inner = block.name == "A1" || block.name == "b1";
        const double diagonal = inner ? 1 : rate;
        if (!block.vector) {
          entries[i * block.columns + i] = static_cast<T>(diagonal);
        } else if (block.name != "b2") {
          entries[i] = static_cast<T>(-diagonal * target);
        }
      }
    }
  }
}

}  // namespace

template <class T>
Control<T> initial_control(const RunConfig& config, const ProblemDefinition<T>& definition) {
  Control<T> u(definition.field->layout(), definition.grid.intervals());
  if (config.control.initialization == "zero") {
    return u;
  }
  if (config.control.initialization == "contractive") {
    make_contractive(config, u);
    return u;
  }
  const bool second_layer_zero = config.control.initialization == "second-layer-zero";
  const bool two_layer = config.field.kind == "two-layer";
  Random random(static_cast<std::uint64_t>(config.run.seed), RandomPurpose::initialization);
  for (Index k = 0; k < u.intervals(); ++k) {
    Index fan_in = 1;  // of the layer whose weights come before its bias
    for (const ControlBlock& block : u.layout().blocks()) {
      if (!block.vector) {
        fan_in = block.columns;
      }
      const bool second = block.name == "A2" || block.name == "b2";
      const double tenth = second_layer_zero && !two_layer ? 0.1 : 1.0;
      const double bound = tenth / std::sqrt(static_cast<double>(fan_in));
      for (Index i = 0; i < block.rows * block.columns; ++i) {
        if (!(second_layer_zero && second)) {
          u.interval(k)[block.offset + i] = static_cast<T>(random.uniform(-bound, bound));
        }
      }
    }
  }
  return u;
}

template Control<float> initial_control(const RunConfig&, const ProblemDefinition<float>&);
template Control<double> initial_control(const RunConfig&, const ProblemDefinition<double>&);

}  // namespace turnpike
