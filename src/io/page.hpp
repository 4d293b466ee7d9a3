#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace turnpike {

/// The embedded page `name` with its {{title}}, its {{data}} and the embedded files that it names put in: one
/// file that needs nothing else.
std::string render_page(std::string_view name, std::string_view title, const nlohmann::json& data);

}  // namespace turnpike
