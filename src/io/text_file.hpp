#pragma once

#include <filesystem>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>

namespace turnpike {

/// The whole file. `what` names it in the sentence of the InputError that is thrown when it is missing, is
/// no regular file, or cannot be read.
std::string read_text_file(const std::filesystem::path& file, std::string_view what);

/// The file as a stream that can be read more than once from its beginning: one that is no regular file, such
/// as a pipe, is read into memory. Throws as `read_text_file` does.
std::unique_ptr<std::istream> open_text_file(const std::filesystem::path& file, std::string_view what);

/// Replaces or creates `file` in one step: a reader sees the old text or the new one, never a part. Throws
/// InputError when the directory cannot be written or the disk is full.
void write_file_atomically(const std::filesystem::path& file, std::string_view text);

/// Whether the name is one that `write_file_atomically` gives a file before it is whole.
bool is_half_written(const std::filesystem::path& file);

/// Removes such files, which writers that were killed have left, from a directory; there may be none.
void remove_half_written(const std::filesystem::path& directory);

}  // namespace turnpike
