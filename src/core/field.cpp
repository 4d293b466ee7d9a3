#include "turnpike/field.hpp"

#include <fmt/format.h>

#include "core/single_layer_field.hpp"
#include "core/two_layer_field.hpp"
#include "turnpike/error.hpp"

namespace turnpike {

namespace {

void demand_positive(Index value, const char* what) {
  if (value < 1) {
    throw InputError(fmt::format("the {} is {}; give a whole number of at least 1", what, value));
  }
}

}  // namespace

template <class T>
std::unique_ptr<VectorField<T>> make_single_layer_field(Index n, Activation activation) {
  demand_positive(n, "state dimension n of the single-layer field");
  return std::make_unique<SingleLayerField<T>>(n, activation);
}

template <class T>
std::unique_ptr<VectorField<T>> make_two_layer_field(Index n, Index h, Activation inner, Activation outer) {
  demand_positive(n, "state dimension n of the two-layer field");
  demand_positive(h, "hidden dimension h of the two-layer field");
  return std::make_unique<TwoLayerField<T>>(n, h, inner, outer);
}

template std::unique_ptr<VectorField<float>> make_single_layer_field(Index, Activation);
template std::unique_ptr<VectorField<double>> make_single_layer_field(Index, Activation);
template std::unique_ptr<VectorField<float>> make_two_layer_field(Index, Index, Activation, Activation);
template std::unique_ptr<VectorField<double>> make_two_layer_field(Index, Index, Activation, Activation);

}  // namespace turnpike
