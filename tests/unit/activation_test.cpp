#include "turnpike/activation.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/activation_kernels.hpp"
#include "turnpike/error.hpp"

namespace turnpike {
namespace {

double reference(Activation activation, double z) {
  switch (activation) {
    case Activation::tanh:
      return std::tanh(z);
    case Activation::relu:
      return std::max(z, 0.0);
    case Activation::identity:
      return z;
    case Activation::softsign:
      return z / (1 + std::abs(z));
    case Activation::leaky_relu:
      return z > 0 ? z : 0.01 * z;
    case Activation::elu:
      return z > 0 ? z : std::expm1(z);
    case Activation::gelu:
      return 0.5 * z * std::erfc(-z / std::sqrt(2.0));
    case Activation::silu:
      return z / (1 + std::exp(-z));
  }
  return NAN;
}

template <class T>
std::vector<T> points() {
  std::vector<T> z;
  for (int i = -4000; i <= 4000; ++i) {
    z.push_back(static_cast<T>(i) / T(200));
  }
  for (const double tiny : {1e-3, 1e-8, 1e-30}) {
    z.push_back(static_cast<T>(tiny));
    z.push_back(static_cast<T>(-tiny));
  }
  z.push_back(T(80));
  z.push_back(T(-80));
  return z;
}

TEST_CASE_TEMPLATE("activations match their formulas to a few units in the last place", T, float, double) {
  const double tolerance = 8 * static_cast<double>(std::numeric_limits<T>::epsilon());
  for (const Activation activation : all_activations()) {
    std::vector<T> z = points<T>();
    std::vector<T> value = z;
    std::vector<T> derivative(z.size());
    const auto columns = static_cast<Index>(z.size());
    kernels::activate<T>(activation, Tile<T>{value.data(), 1, columns, columns}, derivative.data());
    CAPTURE(name_of(activation));
    for (std::size_t i = 0; i < z.size(); ++i) {
      const double exact = reference(activation, static_cast<double>(z[i]));
      CAPTURE(z[i]);
      // z Φ(z) and z/(1 + e⁻ᶻ) are accurate on the scale of z, the others on that of their value.
      const bool gated = activation == Activation::gelu || activation == Activation::silu;
      const double scale = gated ? std::abs(static_cast<double>(z[i])) : std::abs(exact);
      REQUIRE(std::abs(static_cast<double>(value[i]) - exact) <= tolerance * scale);
    }
  }
}

TEST_CASE_TEMPLATE("every activation maps 0 to +0 exactly", T, float, double) {
  for (const Activation activation : all_activations()) {
    std::vector<T> value(5, T(0));
    std::vector<T> derivative(5);
    kernels::activate<T>(activation, Tile<T>{value.data(), 1, 5, 5}, derivative.data());
    CAPTURE(name_of(activation));
    for (const T v : value) {
      CHECK(v == T(0));
      CHECK_FALSE(std::signbit(v));
    }
  }
}

TEST_CASE_TEMPLATE("the slope at 0 is the derivative that gradients take there", T, float, double) {
  for (const Activation activation : all_activations()) {
    CAPTURE(name_of(activation));
    T z = 0;
    T derivative = 0;
    const T one = 1;
    T slope = 0;
    kernels::activate(activation, Tile<T>{&z, 1, 1, 1}, &derivative);
    kernels::multiply_by_derivative(activation, &z, &derivative, ConstTile<T>{&one, 1, 1, 1},
                                    Tile<T>{&slope, 1, 1, 1});
    CHECK(slope == static_cast<T>(slope_at_zero(activation)));
  }
}

TEST_CASE("names lead back to their activations") {
  for (const Activation activation : all_activations()) {
    CHECK(activation_from_name(name_of(activation)) == activation);
  }
}

TEST_CASE("activations without σ(0) = 0 are refused by name with the value they have at 0") {
  for (const char* name : {"sigmoid", "softplus"}) {
    CAPTURE(name);
    std::string message;
    try {
      (void)activation_from_name(name);
    } catch (const InputError& error) {
      message = error.what();
    }
    CHECK(message.find(name) != std::string::npos);
    CHECK(message.find("0") != std::string::npos);
    CHECK(message.find("σ(0)") != std::string::npos);
  }
  CHECK_THROWS_WITH_AS((void)activation_from_name("tanhh"), doctest::Contains("did you mean 'tanh'"),
                       InputError);
}

}  // namespace
}  // namespace turnpike
