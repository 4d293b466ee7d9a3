#include "io/page.hpp"

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

std::string render_page(std::string_view name, std::string_view title, const json& data) {
  const std::string_view page = embedded::file(name);
  std::string result;
  std::size_t at = 0;
  while (at < page.size()) {
    const std::size_t open = page.find("{{", at);
    if (open == std::string_view::npos) {
      break;
    }
    const std::size_t close = page.find("}}", open);
    result += page.substr(at, open - at);
    const std::string_view part = page.substr(open + 2, close - open - 2);
    if (part == "title") {
      result += html_text(title);
    } else if (part == "data") {
      result += script_json(data);
    } else {
      result += embedded::file(part);
    }
    at = close + 2;
  }
  result += page.substr(at);
  return result;
}

}  // namespace turnpike
