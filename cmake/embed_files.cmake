# Writes OUTPUT, a C++ file that holds every file of FILES as an array of bytes.
set(arrays "")
set(table "")
set(number 0)
foreach(file ${FILES})
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
  get_filename_component(name ${file} NAME)
  string(APPEND arrays "constexpr unsigned char file_${number}[] = {\n${bytes}};\n")
  string(APPEND table "    {\"${name}\", {reinterpret_cast<const char*>(file_${number}), sizeof file_${number}}},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${OUTPUT} "// Generated from files of the project; see cmake/embed.cmake.
#include \"io/embedded.hpp\"

#include <array>
#include <cassert>
#include <utility>

namespace turnpike::embedded {
namespace {
${arrays}
}  // namespace

std::string_view file(std::string_view name) {
  static const std::array<std::pair<std::string_view, std::string_view>, ${number}> files = {{
${table}  }};
  for (const auto& [key, text] : files) {
    if (key == name) {
      return text;
    }
  }
  assert(false && \"no embedded file of that name\");
  return {};
}

}  // namespace turnpike::embedded
")
