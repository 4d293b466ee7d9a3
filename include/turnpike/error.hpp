#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace turnpike {

/// A mistake in what the user gave: a file, a flag, a configuration value, a plug-in. The message is
/// one sentence that names what is wrong, where, and what to do. The program exits with status 2.
class InputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A computation that could not go on although its input was valid: a loss that is not finite, a
/// Newton iteration without convergence. The program exits with status 1.
class NumericalError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The candidate with the smallest Levenshtein distance to `name`, or an empty string when none is
/// closer than half of the name's length (at least 2 edits are always allowed).
std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates);

/// "; did you mean 'X'?" for the nearest candidate, or "; known are a, b, c" when none is near.
std::string suggest_name(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace turnpike
