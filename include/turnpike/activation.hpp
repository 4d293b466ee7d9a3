#pragma once

#include <string_view>
#include <vector>

#include "turnpike/ensemble.hpp"

namespace turnpike {

/// Scalar activations σ with σ(0) = 0, applied entry by entry, so that zero control makes every state
/// an equilibrium (theory: Proposition 18).
enum class Activation {
  tanh,        ///< tanh z
  relu,        ///< max(z, 0); σ′(0) := 0
  identity,    ///< z
  softsign,    ///< z / (1 + |z|)
  leaky_relu,  ///< z for z > 0, else 0.01 z
  elu,         ///< z for z > 0, else eᶻ − 1
  gelu,        ///< z Φ(z), Φ the standard normal distribution function
  silu,        ///< z / (1 + e⁻ᶻ)
};

/// Every activation, in the order of the enumeration.
const std::vector<Activation>& all_activations();

/// The name used in configurations and model files, e.g. "leaky-relu".
std::string_view name_of(Activation activation);

/// The activation called `name`. Throws InputError for an unknown name (with the nearest known one) and
/// for a known activation without σ(0) = 0, e.g. sigmoid and softplus (with the value that σ(0) has).
Activation activation_from_name(std::string_view name);

/// Whether σ is continuously differentiable; gradients of the others are those of one side at a kink.
bool is_smooth(Activation activation);

/// Of leaky ReLU where z ≤ 0.
inline constexpr double leaky_slope = 0.01;

/// σ′(0) as gradients take it: of a kink's two sides that of z < 0.
double slope_at_zero(Activation activation);

}  // namespace turnpike
