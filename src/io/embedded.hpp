#pragma once

#include <string_view>

namespace turnpike::embedded {

/// The text of a file that the build put into the library (see cmake/embed.cmake), by its file name.
/// Asserts that there is one.
std::string_view file(std::string_view name);

}  // namespace turnpike::embedded
