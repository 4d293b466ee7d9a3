#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "bf16_environment.hpp"
#include "turnpike/error.hpp"
#include "turnpike/experiment.hpp"
#include "turnpike/random.hpp"

namespace turnpike {
namespace {

Dataset<float> samples(Index n) {
  Dataset<float> data;
  data.features.resize(n, 60);
  Random random(3, RandomPurpose::data);
  for (Index i = 0; i < data.features.size(); ++i) {
    data.features.data()[i] = static_cast<float>(random.uniform(-1.0, 1.0));
  }
  for (int d = 0; d < 60; ++d) {
    data.labels.push_back(d % 3);
  }
  data.classes = {"a", "b", "c"};
  return data;
}

/// V and its gradient in bf16, as it is computed here, beside those in float.
void check_beside_float() {
  const Index n = 40;
  const Dataset<float> data = samples(n);
  for (const bool single : {false, true}) {
    const auto evaluate = [&](ProductPrecision products, Control<float>& gradient) {
      ProblemDefinition<float> definition;
      definition.field =
          single ? make_single_layer_field<float>(n, Activation::tanh, products)
                 : make_two_layer_field<float>(n, 24, Activation::tanh, Activation::identity, products);
      definition.grid = TimeGrid::uniform(5, 2.5);
      definition.integrator = builtin_integrators().make<float>("explicit-euler", {});
      definition.running = make_soft_cross_entropy<float>(first_components(3), 0.9);
      definition.terminal = make_soft_cross_entropy<float>(first_components(3), 0.9);
      definition.r = 1e-3;
      OptimalControlProblem<float> problem(definition, data);
      Control<float> u = problem.zero_control();
      gradient = problem.zero_control();
      Random random(4, RandomPurpose::initialization);
      for (float& entry : u.values()) {
        entry = static_cast<float>(random.uniform(-0.3, 0.3));
      }
      return problem.value_and_gradient(u, gradient);
    };
    Control<float> full;
    Control<float> rounded;
    const Objective V = evaluate(ProductPrecision::full, full);
    const Objective W = evaluate(ProductPrecision::bf16, rounded);
    REQUIRE(V.status.ok());
    REQUIRE(W.status.ok());
    double difference = 0;
    for (Index i = 0; i < full.size(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      difference +=
          std::pow(static_cast<double>(full.values()[at]) - static_cast<double>(rounded.values()[at]), 2);
    }
    // A factor is off by 2^-8 of itself at most.
    CHECK(std::abs(V.total() - W.total()) < 4e-3 * V.total());
    CHECK(V.total() != W.total());
    CHECK(std::sqrt(difference) < 2e-2 * V.gradient_norm);
    CHECK(difference > 0);
  }
}

TEST_CASE("V and its gradient in bf16 are those in float to the rounding of the factors") {
  {
    const test::Bf16Environment emulated("emulate");
    check_beside_float();
  }
  const test::Bf16Environment unset("");
  if (bf16_support() == Bf16Support::native) {
    check_beside_float();
  }
}

TEST_CASE("the linearization of a bf16 field and its adjoint are those of the field in float to rounding") {
  const test::Bf16Environment emulated("emulate");
  constexpr Index n = 25;  // odd sizes: a last entry alone in its float
  constexpr Index h = 17;
  constexpr Index columns = 19;
  const auto numbers = [](Index count, std::uint64_t seed) {
    Random random(seed, RandomPurpose::data);
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) {
      value = static_cast<float>(random.uniform(-0.5, 0.5));
    }
    return values;
  };
  for (const auto& [single, activation] :
       {std::pair{false, Activation::tanh}, std::pair{false, Activation::gelu},
        std::pair{true, Activation::tanh}, std::pair{true, Activation::gelu}}) {
    std::array<std::vector<float>, 3> results[2];
    for (const bool rounds : {false, true}) {
      const ProductPrecision products = rounds ? ProductPrecision::bf16 : ProductPrecision::full;
      const auto field = single ? make_single_layer_field<float>(n, activation, products)
                                : make_two_layer_field<float>(n, h, activation, activation, products);
      const Index n_u = field->layout().size();
      const std::vector<float> u = numbers(n_u, 1);
      const std::vector<float> X = numbers(n * columns, 2);
      const std::vector<float> direction = numbers(n * columns, 3);
      std::vector<float> record(static_cast<std::size_t>(field->record_size(columns)));
      std::vector<float> scratch(static_cast<std::size_t>(field->scratch_size(columns)));
      auto& [Xdot, JV, bars] = results[rounds ? 1 : 0];
      Xdot.resize(X.size());
      JV.resize(X.size());
      bars.resize(X.size() + u.size());
      const auto tile = [](std::vector<float>& values) {
        return Tile<float>{values.data(), n, columns, columns};
      };
      const auto view = [](const std::vector<float>& values) {
        return ConstTile<float>{values.data(), n, columns, columns};
      };
      field->evaluate(u.data(), view(X), tile(Xdot), record.data(), scratch.data());
      field->apply(u.data(), record.data(), view(direction), tile(JV), scratch.data());
      field->pull_back(u.data(), record.data(), view(direction), tile(bars), bars.data() + X.size(),
                       scratch.data());
    }
    for (std::size_t i = 0; i < results[0].size(); ++i) {
      double difference = 0;
      double size = 0;
      for (std::size_t j = 0; j < results[0][i].size(); ++j) {
        const auto exact = static_cast<double>(results[0][i][j]);
        difference += std::pow(static_cast<double>(results[1][i][j]) - exact, 2);
        size += exact * exact;
      }
      CAPTURE(single);
      CAPTURE(i);
      CHECK(std::sqrt(difference) < 1e-2 * std::sqrt(size));
      CHECK(difference > 0);
    }
  }
}

TEST_CASE("bf16 is refused where it has no effect or no meaning") {
  const test::Bf16Environment emulated("emulate");
  CHECK(bf16_support() == Bf16Support::emulated);
  CHECK_THROWS_AS(
      (void)make_two_layer_field<float>(4, 8, Activation::tanh, Activation::identity, ProductPrecision::bf16),
      InputError);
  CHECK_THROWS_AS((void)make_single_layer_field<double>(8, Activation::tanh, ProductPrecision::bf16),
                  InputError);
  RunConfig config = recipe("two-spirals");
  config.data.per_class = 10;
  config.field.state = 6;
  config.run.precision = "bf16";
  const IntegratorRegistry integrators = builtin_integrators();
  const auto make = [&] {
    const Experiment<float> e = load_experiment<float>(config);
    return make_definition<float>(e.config, 2, integrators);
  };
  CHECK_NOTHROW((void)make());
  config.integrator.name = "implicit-euler";
  CHECK_THROWS_WITH_AS((void)make(), doctest::Contains("explicit schemes with equal steps"), InputError);
  config.integrator.name = "dopri5";
  config.integrator.rtol = 1e-3;
  CHECK_THROWS_WITH_AS((void)make(), doctest::Contains("error control"), InputError);
}

TEST_CASE("a wish that is none is refused, and none leaves it to the processor") {
  {
    const test::Bf16Environment mistyped("emulat");
    CHECK_THROWS_WITH_AS((void)bf16_support(), doctest::Contains("TURNPIKE_BF16"), InputError);
  }
  const test::Bf16Environment unset("");
  CHECK(bf16_support() != Bf16Support::emulated);
  if (bf16_support() == Bf16Support::none) {
    CHECK_THROWS_WITH_AS((void)make_single_layer_field<float>(8, Activation::tanh, ProductPrecision::bf16),
                         doctest::Contains("avx512_bf16"), InputError);
  }
}

}  // namespace
}  // namespace turnpike
