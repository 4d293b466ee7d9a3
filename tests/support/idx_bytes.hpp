#pragma once

#include <zlib.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "temporary_directory.hpp"

namespace turnpike::test {

/// Numbers as IDX headers hold them, big-endian.
inline std::string big_endian(const std::vector<std::uint32_t>& numbers) {
  std::string bytes;
  for (const std::uint32_t number : numbers) {
    for (const unsigned shift : {24U, 16U, 8U, 0U}) {
      bytes += static_cast<char>(number >> shift & 0xFFU);
    }
  }
  return bytes;
}

/// Pixel p of picture d, row by row.
inline unsigned char pixel(std::uint32_t d, std::uint32_t p) {
  return static_cast<unsigned char>((d * 37 + p * 11) % 256);
}

/// An IDX file of `count` pictures.
inline std::string idx_images(std::uint32_t count, std::uint32_t rows, std::uint32_t columns) {
  std::string bytes = big_endian({0x803, count, rows, columns});
  for (std::uint32_t d = 0; d < count; ++d) {
    for (std::uint32_t p = 0; p < rows * columns; ++p) {
      bytes += static_cast<char>(pixel(d, p));
    }
  }
  return bytes;
}

/// An IDX file of labels.
inline std::string idx_labels(const std::vector<unsigned char>& labels) {
  return big_endian({0x801, static_cast<std::uint32_t>(labels.size())}) +
         std::string(labels.begin(), labels.end());
}

/// 0, 1, …, classes − 1, 0, …
inline std::vector<unsigned char> cyclic_labels(std::size_t count, std::size_t classes) {
  std::vector<unsigned char> labels;
  for (std::size_t d = 0; d < count; ++d) {
    labels.push_back(static_cast<unsigned char>(d % classes));
  }
  return labels;
}

/// `bytes` as a gzip file.
inline std::string gzipped(const std::string& bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("no memory for zlib");
  }
  std::string result(deflateBound(&stream, bytes.size()), '\0');
  std::string input = bytes;
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  deflate(&stream, Z_FINISH);
  result.resize(stream.total_out);
  deflateEnd(&stream);
  return result;
}

/// The four files of a small data set in the manner of MNIST: 40 and 20 pictures, four classes.
inline void write_small_mnist(const TemporaryDirectory& directory, const std::string& name,
                              std::uint32_t rows = 5, std::uint32_t columns = 4) {
  std::filesystem::create_directories(directory / name);
  directory.write(name + "/train-images-idx3-ubyte", idx_images(40, rows, columns));
  directory.write(name + "/train-labels-idx1-ubyte.gz", gzipped(idx_labels(cyclic_labels(40, 4))));
  directory.write(name + "/t10k-images-idx3-ubyte.gz", gzipped(idx_images(20, rows, columns)));
  directory.write(name + "/t10k-labels-idx1-ubyte", idx_labels(cyclic_labels(20, 4)));
}

}  // namespace turnpike::test
