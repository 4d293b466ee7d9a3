#include "io/page.hpp"

#include <fmt/format.h>

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
  const std::string_view frame = embedded::file("page.html");
  std::string result;
  std::size_t at = 0;
  for (std::size_t open = frame.find("{{"); open != std::string_view::npos; open = frame.find("{{", at)) {
    const std::size_t close = frame.find("}}", open);
    result += frame.substr(at, open - at);
    const std::string_view part = frame.substr(open + 2, close - open - 2);
    if (part == "title") {
      result += html_text(title);
    } else if (part == "command") {
      result += html_text(page.command);
    } else if (part == "main") {
      result += embedded::file(page.main);
    } else if (part == "data") {
      result += script_json(data);
    } else if (part == "scripts") {
      result += in_script("page.js");
      for (const std::string_view script : page.scripts) {
        result += in_script(script);
      }
    } else {
      result += embedded::file(part);
    }
    at = close + 2;
  }
  result += frame.substr(at);
  return result;
}

}  // namespace turnpike
