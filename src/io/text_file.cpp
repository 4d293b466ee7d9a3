#include "io/text_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "io/descriptor.hpp"
#include "turnpike/error.hpp"

namespace turnpike {

namespace {

constexpr std::string_view half_written = ".turnpike-";

[[noreturn]] void fail(const std::filesystem::path& file, const char* action) {
  const int code = errno;
  const bool full = code == ENOSPC || code == EDQUOT;
  throw InputError(fmt::format("'{}' cannot be {}: {}; {}", file.string(), action, std::strerror(code),
                               full ? "free some space" : "choose another place or mend its permissions"));
}

}  // namespace

std::unique_ptr<std::istream> open_text_file(const std::filesystem::path& file, std::string_view what) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) {
    return std::make_unique<std::istringstream>(read_text_file(file, what));
  }
  auto input = std::make_unique<std::ifstream>(file, std::ios::binary);
  if (!*input) {
    throw InputError(fmt::format("the {} '{}' cannot be read; check its permissions", what, file.string()));
  }
  return input;
}

std::string read_text_file(const std::filesystem::path& file, std::string_view what) {
  std::error_code error;
  const auto kind = std::filesystem::status(file, error).type();
  if (kind == std::filesystem::file_type::not_found) {
    throw InputError(fmt::format("there is no {} '{}'; check the path", what, file.string()));
  }
  if (kind == std::filesystem::file_type::directory) {
    throw InputError(fmt::format("'{}' is a directory, not a {}; give a file", file.string(), what));
  }
  std::ifstream input(file, std::ios::binary);
  std::ostringstream text;
  text << input.rdbuf();
  if (!input) {
    throw InputError(fmt::format("the {} '{}' cannot be read; check its permissions", what, file.string()));
  }
  return text.str();
}

void write_file_atomically(const std::filesystem::path& target, std::string_view text) {
  // A link stays a link; devices and pipes are not replaced.
  std::error_code error;
  const std::filesystem::path resolved = std::filesystem::weakly_canonical(target, error);
  const std::filesystem::path& file = error ? target : resolved;
  const auto kind = std::filesystem::status(file, error).type();
  if (kind != std::filesystem::file_type::not_found && kind != std::filesystem::file_type::regular &&
      kind != std::filesystem::file_type::none) {
    throw InputError(
        fmt::format("'{}' exists and is no regular file; give another path to write to", target.string()));
  }
  const std::filesystem::path directory = file.has_parent_path() ? file.parent_path() : ".";
  std::string temporary = (directory / (std::string(half_written) + "XXXXXX")).string();
  const Descriptor output(::mkstemp(temporary.data()));
  if (output.get() < 0) {
    fail(file, "written");
  }
  const auto give_up = [&] {
    const int code = errno;
    ::unlink(temporary.c_str());
    errno = code;
    fail(file, "written");
  };
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = ::write(output.get(), text.data() + written, text.size() - written);
    if (count < 0 && errno != EINTR) {
      give_up();
    }
    written += count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  if (::fchmod(output.get(), 0644) != 0 || ::fsync(output.get()) != 0 ||
      ::rename(temporary.c_str(), file.c_str()) != 0) {
    give_up();
  }
  const Descriptor parent(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent.get() >= 0) {
    ::fsync(parent.get());
  }
}

bool is_half_written(const std::filesystem::path& file) {
  const std::string name = file.filename().string();
  return name.size() == half_written.size() + 6 && name.compare(0, half_written.size(), half_written) == 0;
}

void remove_half_written(const std::filesystem::path& directory) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    if (is_half_written(entry->path())) {
      std::error_code ignored;
      std::filesystem::remove(entry->path(), ignored);
    }
  }
}

}  // namespace turnpike
