#include "io/compressed_file.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <new>

#include "turnpike/error.hpp"

namespace turnpike {

namespace fs = std::filesystem;

CompressedFile::CompressedFile(fs::path file, std::string_view what) : path_(std::move(file)) {
  std::error_code error;
  const auto kind = fs::status(path_, error).type();
  if (kind == fs::file_type::not_found) {
    throw InputError(fmt::format("there is no {} '{}'; check the path", what, path_.string()));
  }
  if (kind != fs::file_type::regular) {
    throw InputError(fmt::format("'{}' is no regular file, but should be the {}; give the file itself",
                                 path_.string(), what));
  }
  size_ = fs::file_size(path_, error);
  input_.open(path_, std::ios::binary);
  if (error || !input_) {
    throw InputError(fmt::format("the {} '{}' cannot be read; check its permissions", what, path_.string()));
  }
  constexpr std::size_t buffer_size = std::size_t{1} << 16U;
  buffer_.resize(buffer_size);
  std::array<char, 2> magic{};
  input_.read(magic.data(), magic.size());
  compressed_ = input_ && magic[0] == '\x1f' && magic[1] == '\x8b';
  input_.clear();
  input_.seekg(0);
  constexpr int gzip_only = 15 + 16;  // the largest window, a header and a trailer of gzip
  if (compressed_ && inflateInit2(&stream_, gzip_only) != Z_OK) {
    throw std::bad_alloc();
  }
}

CompressedFile::~CompressedFile() {
  if (compressed_) {
    inflateEnd(&stream_);
  }
}

std::size_t CompressedFile::read(unsigned char* bytes, std::size_t count) {
  if (!compressed_) {
    input_.read(reinterpret_cast<char*>(bytes), static_cast<std::streamsize>(count));
    return static_cast<std::size_t>(input_.gcount());
  }
  std::size_t done = 0;
  while (done < count && (stream_.avail_in > 0 || refill())) {
    done += inflate_some(bytes + done, count - done);
  }
  return done;
}

/// Whether there is more compressed data. Throws InputError when there ought to be.
bool CompressedFile::refill() {
  input_.read(reinterpret_cast<char*>(buffer_.data()), static_cast<std::streamsize>(buffer_.size()));
  stream_.next_in = buffer_.data();
  stream_.avail_in = static_cast<unsigned>(input_.gcount());
  if (stream_.avail_in == 0 && !between_members_) {
    throw InputError(
        fmt::format("'{}' is cut short: its compressed data do not end; fetch it again", path_.string()));
  }
  return stream_.avail_in > 0;
}

std::size_t CompressedFile::inflate_some(unsigned char* bytes, std::size_t count) {
  if (between_members_) {
    inflateReset(&stream_);
    between_members_ = false;
  }
  constexpr std::size_t most = std::size_t{1} << 30U;  // zlib counts in unsigned int
  stream_.next_out = bytes;
  stream_.avail_out = static_cast<unsigned>(std::min(count, most));
  const int code = inflate(&stream_, Z_NO_FLUSH);
  if (code == Z_MEM_ERROR) {
    throw std::bad_alloc();
  }
  if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
    throw InputError(
        fmt::format("'{}' is damaged: its compressed data or their check sum are wrong; fetch it "
                    "again",
                    path_.string()));
  }
  between_members_ = code == Z_STREAM_END;
  return static_cast<std::size_t>(stream_.next_out - bytes);
}

}  // namespace turnpike
