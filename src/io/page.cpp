#include "io/page.hpp"

#include <fmt/format.h>

#include <functional>

#include "io/embedded.hpp"

namespace turnpike {

namespace {

using nlohmann::json;

/// `text` with what HTML would read as markup replaced.
std::string html_text(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

/// JSON that can stand inside a script element: "</script>" in a text would end it.
std::string script_json(const json& data) {
  std::string result;
  for (const char c : data.dump(-1, ' ', false, json::error_handler_t::replace)) {
    if (c == '<') {
      result += "\\u003c";
    } else {
      result += c;
    }
  }
  return result;
}

}  // namespace

std::string render_page(const Page& page, std::string_view title, const json& data) {
  const auto in_script = [](std::string_view file) {
    return fmt::format("<script>\n{}</script>\n", embedded::file(file));
  };
  const std::function<std::string(std::string_view)> filled = [&](std::string_view part) -> std::string {
    if (part == "title") {
      return html_text(title);
    }
    if (part == "command") {
      return html_text(page.command);
    }
    if (part == "data") {
      return script_json(data);
    }
    if (part == "scripts") {
      std::string scripts = in_script("page.js");
      for (const std::string_view script : page.scripts) {
        scripts += in_script(script);
      }
      return scripts;
    }
    const std::string_view text = embedded::file(part == "main" ? page.main : part);
    std::string result;
    std::size_t at = 0;
    for (std::size_t open = text.find("{{"); open != std::string_view::npos; open = text.find("{{", at)) {
      const std::size_t close = text.find("}}", open);
      result += text.substr(at, open - at);
      result += filled(text.substr(open + 2, close - open - 2));
      at = close + 2;
    }
    return result += text.substr(at);
  };
  return filled("page.html");
}

}  // namespace turnpike
