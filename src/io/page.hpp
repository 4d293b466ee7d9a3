#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace turnpike {

/// What one page adds to the frame that all pages share, page.html with its style and its helpers. An
/// embedded file of HTML or CSS may include others: {{file}}.
struct Page {
  std::string_view command;               ///< what makes it, e.g. "turnpike study"
  std::string_view main;                  ///< embedded file of its <main>
  std::vector<std::string_view> scripts;  ///< embedded files that run in this order, after page.js
};

/// `page` under `title`, with `data` for its scripts: one file that needs nothing else.
std::string render_page(const Page& page, std::string_view title, const nlohmann::json& data);

}  // namespace turnpike
