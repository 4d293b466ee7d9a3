#include "turnpike/activation.hpp"

#include <fmt/format.h>
#include <array>
#include <string>

#include "turnpike/error.hpp"

namespace turnpike {

namespace {

struct Refused {
  std::string_view name;
  std::string_view value_at_zero;
};

constexpr std::array<Refused, 5> refused_activations = {
    {{"sigmoid", "1/2"}, {"logistic", "1/2"}, {"softplus", "ln 2"}, {"exp", "1"}, {"cos", "1"}}};

}  // namespace

const std::vector<Activation>& all_activations() {
  static const std::vector<Activation> all = {
      Activation::tanh,       Activation::relu, Activation::identity, Activation::softsign,
      Activation::leaky_relu, Activation::elu,  Activation::gelu,     Activation::silu};
  return all;
}

std::string_view name_of(Activation activation) {
  switch (activation) {
    case Activation::tanh:
      return "tanh";
    case Activation::relu:
      return "relu";
    case Activation::identity:
      return "identity";
    case Activation::softsign:
      return "softsign";
    case Activation::leaky_relu:
      return "leaky-relu";
    case Activation::elu:
      return "elu";
    case Activation::gelu:
      return "gelu";
    case Activation::silu:
      break;
  }
  return "silu";
}

Activation activation_from_name(std::string_view name) {
  std::vector<std::string> known;
  for (const Activation activation : all_activations()) {
    if (name == name_of(activation)) {
      return activation;
    }
    known.emplace_back(name_of(activation));
  }
  for (const Refused& refused : refused_activations) {
    if (name == refused.name) {
      throw InputError(fmt::format(
          "the activation '{}' has σ(0) = {}, but σ(0) = 0 is needed so that zero control holds every "
          "state; choose one of {}",
          name, refused.value_at_zero, fmt::join(known, ", ")));
    }
  }
  throw InputError(fmt::format("unknown activation '{}'{}", name, suggest_name(name, known)));
}

bool is_smooth(Activation activation) {
  return activation != Activation::relu && activation != Activation::leaky_relu;
}

double slope_at_zero(Activation activation) {
  switch (activation) {
    case Activation::tanh:
    case Activation::identity:
    case Activation::softsign:
    case Activation::elu:
      return 1;
    case Activation::relu:
      return 0;
    case Activation::leaky_relu:
      return leaky_slope;
    case Activation::gelu:
    case Activation::silu:
      break;
  }
  return 0.5;
}

}  // namespace turnpike
