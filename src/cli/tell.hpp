#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <utility>

namespace turnpike::cli {

/// Formats to stderr and never throws for it: a terminal that is gone must not end a training.
template <class... Arguments>
void tell(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  const std::string formatted = fmt::format(text, std::forward<Arguments>(arguments)...);
  (void)std::fputs(formatted.c_str(), stderr);
}

}  // namespace turnpike::cli
