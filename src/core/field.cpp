#include "turnpike/field.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/added_results.hpp"
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

/// How bf16 products of a float field with n components are computed here.
kernels::Bf16Arithmetic bf16_arithmetic(Index n) {
  if (n <= kernels::largest_small_dimension) {
    throw InputError(fmt::format(
        "run.precision = bf16 is for fields of more than {} state components, but this one has {} and no "
        "matrix products; set run.precision = float",
        kernels::largest_small_dimension, n));
  }
  switch (bf16_support()) {
    case Bf16Support::native:
      return kernels::Bf16Arithmetic(kernels::Bf16Products::native);
    case Bf16Support::emulated:
      return kernels::Bf16Arithmetic(kernels::Bf16Products::emulated);
    case Bf16Support::none:
      break;
  }
  throw InputError(
      "run.precision = bf16 needs a processor with the instructions avx512_bf16, which this one has not, and "
      "a build with oneDNN; set run.precision = float");
}

/// The field `Field<T, ...>` of these arguments, in the arithmetic of `products`.
template <class T, template <class, class> class Field, class... Arguments>
std::unique_ptr<VectorField<T>> make_field(ProductPrecision products, Index n, Arguments... arguments) {
  if (products == ProductPrecision::bf16) {
    if constexpr (std::is_same_v<T, float>) {
      return std::make_unique<Field<T, kernels::Bf16Arithmetic>>(n, arguments..., bf16_arithmetic(n));
    }
    throw InputError("bf16 products are of float fields; take full ones in double");
  }
  return std::make_unique<Field<T, kernels::ExactArithmetic<T>>>(n, arguments...);
}

/// E.g. "A (2×2), b (2×1)".
std::string described(const std::vector<ControlBlock>& blocks) {
  std::string text;
  for (const ControlBlock& block : blocks) {
    text += fmt::format("{}{} ({}×{})", text.empty() ? "" : ", ", block.name, block.rows, block.columns);
  }
  return text;
}

}  // namespace

Bf16Support bf16_support() {
  const char* const wish = std::getenv("TURNPIKE_BF16");
  if (wish != nullptr && *wish != '\0') {
    if (std::string_view(wish) != "emulate") {
      throw InputError(
          fmt::format("TURNPIKE_BF16 = '{}' in the environment; set it to emulate, or unset it", wish));
    }
    return Bf16Support::emulated;
  }
  return kernels::bf16_products_exist() ? Bf16Support::native : Bf16Support::none;
}

template <class T>
FieldForm demand_form(const VectorField<T>& field, std::string_view purpose) {
  const std::optional<FieldForm> form = field.form();
  if (!form) {
    throw InputError(
        fmt::format("{} needs a field whose layers are known, and this one does not name them; take the "
                    "single-layer or the two-layer field, or override VectorField::form",
                    purpose));
  }
  const Index n = field.state_dimension();
  const std::vector<ControlBlock>& blocks = field.layout().blocks();
  const Index h = blocks.empty() ? 0 : blocks.front().rows;
  std::vector<ControlBlock> expected = {{.name = "A", .rows = n, .columns = n},
                                        {.name = "b", .rows = n, .columns = 1}};
  if (form->hidden) {
    expected = {{.name = "A1", .rows = h, .columns = n},
                {.name = "b1", .rows = h, .columns = 1},
                {.name = "A2", .rows = n, .columns = h},
                {.name = "b2", .rows = n, .columns = 1}};
  }
  const bool matches = std::equal(blocks.begin(), blocks.end(), expected.begin(), expected.end(),
                                  [](const ControlBlock& a, const ControlBlock& b) {
                                    return a.name == b.name && a.rows == b.rows && a.columns == b.columns;
                                  });
  if (!matches) {
    throw InputError(
        fmt::format("{} needs a control of {} for the form that the field names, but the field's has {}; "
                    "mend its layout, or name no form in VectorField::form",
                    purpose, described(expected), described(blocks)));
  }
  return *form;
}

template <class T>
std::unique_ptr<VectorField<T>> make_single_layer_field(Index n, Activation activation,
                                                        ProductPrecision products) {
  demand_positive(n, "state dimension n of the single-layer field");
  return make_field<T, SingleLayerField>(products, n, activation);
}

template <class T>
std::unique_ptr<VectorField<T>> make_two_layer_field(Index n, Index h, Activation inner, Activation outer,
                                                     ProductPrecision products) {
  demand_positive(n, "state dimension n of the two-layer field");
  demand_positive(h, "hidden dimension h of the two-layer field");
  return make_field<T, TwoLayerField>(products, n, h, inner, outer, true);
}

#define TURNPIKE_INSTANTIATE(T)                                                                          \
  template FieldForm demand_form(const VectorField<T>&, std::string_view);                               \
  template std::unique_ptr<VectorField<T>> make_single_layer_field(Index, Activation, ProductPrecision); \
  template std::unique_ptr<VectorField<T>> make_two_layer_field(Index, Index, Activation, Activation,    \
                                                                ProductPrecision);

TURNPIKE_INSTANTIATE(float)
TURNPIKE_INSTANTIATE(double)

template class VectorField<float>;
template class VectorField<double>;
template class ControlledSystem<float>;
template class ControlledSystem<double>;

}  // namespace turnpike
