// One training step at MNIST's size (n = 784, h = 128, batch 256): value, gradient and Adam update.
// Usage: bench_mnist [KEY=VALUE]..., with threads=1, layers=60, tile=0 (the default of the library),
// precision=float|bf16, recomputation=none|every|binomial and snapshots=8. Prints "KEY VALUE" lines; times
// are medians. bench/mnist.py runs it beside PyTorch.

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "turnpike/field.hpp"
#include "turnpike/integrator.hpp"
#include "turnpike/random.hpp"
#include "turnpike/trainer.hpp"

namespace {

using namespace turnpike;

constexpr Index n = 784;
constexpr Index h = 128;
constexpr Index batch = 256;
constexpr Index classes = 10;
constexpr double megabyte = 1e6;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Fused multiply-adds that the processor can do: several independent chains of packs, in 1e9 operations a
/// second.
double measured_peak() {
#if defined(__AVX512F__)
  constexpr int lanes = 16;
#else
  constexpr int lanes = 8;
#endif
  using Pack = float __attribute__((vector_size(lanes * sizeof(float))));
  constexpr int chains = 12;
  constexpr int repeats = 4000000;
  Pack sums[chains] = {};
  const Pack factor = Pack{} + 0.999F;
  double best = 0;
  for (int trial = 0; trial < 5; ++trial) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < repeats; ++i) {
      for (Pack& sum : sums) {
        sum = sum * factor + factor;
      }
    }
    best = std::max(best, 2.0 * lanes * chains * repeats / seconds_since(start) * 1e-9);
  }
  float total = 0;
  for (const Pack& sum : sums) {
    total += sum[0];
  }
  return total == 0 ? 0 : best;  // the chains are not to be optimized away
}

double resident_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024 / megabyte;
}

Dataset<float> random_digits(Index samples) {
  Dataset<float> data;
  data.features.resize(n, samples);
  Random random(1, RandomPurpose::data);
  for (Index i = 0; i < data.features.size(); ++i) {
    data.features.data()[i] = static_cast<float>(std::max(0.0, random.uniform(-1.0, 1.0)));
  }
  for (Index d = 0; d < samples; ++d) {
    data.labels.push_back(static_cast<int>(d % classes));
  }
  for (Index c = 0; c < classes; ++c) {
    data.classes.push_back(std::to_string(c));
  }
  return data;
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> settings = {
      {"threads", "1"},       {"layers", "60"},          {"tile", "0"},
      {"precision", "float"}, {"recomputation", "none"}, {"snapshots", "8"}};
  for (const std::string argument : std::span(argv + 1, argv + argc)) {
    const auto equals = std::min(argument.find('='), argument.size());
    const auto setting = settings.find(argument.substr(0, equals));
    if (setting == settings.end() || equals == argument.size()) {
      fmt::print(stderr, "bench_mnist: '{}' is not one of its settings; see the head of bench/mnist.cpp\n",
                 argument);
      return 2;
    }
    setting->second = argument.substr(equals + 1);
    const std::string& value = setting->second;
    const bool known = setting->first == "precision" ? value == "float" || value == "bf16"
                       : setting->first == "recomputation"
                           ? value == "none" || value == "every" || value == "binomial"
                           : value.find_first_not_of("0123456789") == std::string::npos;
    if (!known || value.empty()) {
      fmt::print(stderr, "bench_mnist: {} cannot be '{}'; see the head of bench/mnist.cpp\n", setting->first,
                 value);
      return 2;
    }
  }
  const auto number = [&](const char* key) { return std::stol(settings.at(key)); };
  const auto threads = static_cast<int>(number("threads"));
  const Index layers = number("layers");
  const std::string& recomputation = settings.at("recomputation");

  ProblemDefinition<float> definition;
  definition.field = make_two_layer_field<float>(
      n, h, Activation::relu, Activation::identity,
      settings.at("precision") == "bf16" ? ProductPrecision::bf16 : ProductPrecision::full);
  definition.grid = TimeGrid::uniform(layers, static_cast<double>(layers));
  definition.integrator = builtin_integrators().make<float>("explicit-euler", {});
  definition.running = make_soft_cross_entropy<float>(first_components(classes), 0.91);
  definition.terminal = make_soft_cross_entropy<float>(first_components(classes), 0.91);
  definition.r = 1e-5;
  definition.threads = threads;
  definition.tile = number("tile");
  if (recomputation != "none") {
    definition.recomputation = recomputation == "every" ? Recomputation::every : Recomputation::binomial;
    definition.snapshots = number("snapshots");
  }
  const Index samples = 4 * batch;
  OptimalControlProblem<float> problem(definition,
                                       std::make_shared<const Dataset<float>>(random_digits(samples)));
  Control<float> u = problem.zero_control();
  Random random(1, RandomPurpose::initialization);
  for (Index k = 0; k < layers; ++k) {
    for (const char* name : {"A1", "A2"}) {
      auto A = u.matrix(name, k);
      const double bound = (name[1] == '2' ? 0.1 : 1.0) / std::sqrt(static_cast<double>(A.cols()));
      for (Index i = 0; i < A.size(); ++i) {
        A.data()[i] = static_cast<float>(random.uniform(-bound, bound));
      }
    }
  }
  TrainerOptions options;
  options.learning_rate = 1e-5;
  options.batch = batch;
  options.epochs = 12;
  const double control = static_cast<double>(u.size()) * sizeof(float) / megabyte;
  const double data = static_cast<double>(n * samples) * sizeof(float) / megabyte;
  const double before = resident_megabytes();
  Trainer<float> trainer(problem, std::move(u), options);
  std::vector<double> seconds;
  auto start = std::chrono::steady_clock::now();
  const std::atomic<bool> stop{false};
  (void)trainer.run([](const EpochMetrics&) { return true; }, stop,
                    [&](const StepMetrics&) {
                      seconds.push_back(seconds_since(start));
                      start = std::chrono::steady_clock::now();
                    });
  std::nth_element(seconds.begin() + 1, seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size()) / 2,
                   seconds.end());
  const double step = seconds[seconds.size() / 2];
  const double operations = 6 * 2.0 * n * h * batch * static_cast<double>(layers);
  const double peak = measured_peak();
  const double states = static_cast<double>((layers + 1) * (n + h) * batch) * sizeof(float) / megabyte;
  fmt::print("step_seconds {:.6f}\nfastest_step_seconds {:.6f}\n", step,
             *std::min_element(seconds.begin() + 1, seconds.end()));
  fmt::print("gflops {:.1f}\npeak_gflops {:.1f}\nshare_of_peak {:.3f}\n", operations / step * 1e-9,
             peak * threads, operations / step * 1e-9 / (peak * threads));
  fmt::print("control_megabytes {:.1f}\nstates_and_activations_megabytes {:.1f}\n", control, states);
  // Weights exist before; gradient and two moments come with the trainer.
  fmt::print("memory_megabytes {:.1f}\ndata_megabytes {:.1f}\n", resident_megabytes() - before - 3 * control,
             data);
}
