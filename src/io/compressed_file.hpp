#pragma once

#include <zlib.h>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <vector>

namespace turnpike {

/// The bytes of a regular file from the first to the last, decompressed when it is a gzip file (which its
/// contents decide, not its name). No more is read or decompressed than is asked for.
class CompressedFile {
 public:
  /// Throws InputError when there is no such file or it cannot be opened. `what` names it there.
  CompressedFile(std::filesystem::path file, std::string_view what);
  CompressedFile(const CompressedFile&) = delete;
  CompressedFile& operator=(const CompressedFile&) = delete;
  ~CompressedFile();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] bool compressed() const { return compressed_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }  ///< bytes on the disk

  /// Reads the next `count` bytes, or fewer where the file ends, and returns how many. Throws InputError when
  /// the compressed data are damaged, cut short, or do not fit their check sum, which is known once their end
  /// has been asked for.
  std::size_t read(unsigned char* bytes, std::size_t count);

 private:
  bool refill();
  std::size_t inflate_some(unsigned char* bytes, std::size_t count);

  std::filesystem::path path_;
  std::ifstream input_;
  std::uint64_t size_ = 0;
  bool compressed_ = false;
  bool between_members_ = false;  ///< a gzip file is one or more members in a row
  std::vector<unsigned char> buffer_;
  z_stream stream_{};
};

}  // namespace turnpike
