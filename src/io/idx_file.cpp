#include "turnpike/idx_file.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <set>
#include <string_view>
#include <utility>

#include "io/compressed_file.hpp"
#include "turnpike/error.hpp"

namespace turnpike {

namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t images_magic = 0x00000803;  // unsigned bytes in three dimensions
constexpr std::uint32_t labels_magic = 0x00000801;  // unsigned bytes in one
constexpr std::uint64_t most_pixels = 10'000'000;   // a picture, as field.state allows
constexpr std::uint64_t deflate_limit = 1032;       // bytes that one compressed byte can stand for

/// One IDX file on its way from the first byte to the last.
class IdxStream {
 public:
  /// `what` is "images" or "labels". Throws InputError when there is no such file or it cannot be opened.
  IdxStream(const fs::path& file, std::string what)
      : what_(std::move(what)), file_(file, fmt::format("IDX file of {}", what_)) {}

  /// Throws InputError unless the file begins with the four bytes `expected`; `other` are those of the
  /// other kind of file.
  void demand_magic(std::uint32_t expected, std::uint32_t other, std::string_view other_what) {
    const std::uint32_t magic = number();
    if (magic == other) {
      throw InputError(
          fmt::format("'{}' is an IDX file of {}, not of {}; exchange the two", name(), other_what, what_));
    }
    if (magic != expected) {
      throw InputError(
          fmt::format("'{}' begins with 0x{:08x} where an IDX file of {} begins with 0x{:08x}; "
                      "give such a file",
                      name(), magic, what_, expected));
    }
  }

  /// The next four bytes as a number, big-endian.
  std::uint32_t number() {
    std::array<unsigned char, 4> bytes{};
    read(bytes.data(), bytes.size());
    return std::uint32_t{bytes[0]} << 24U | std::uint32_t{bytes[1]} << 16U | std::uint32_t{bytes[2]} << 8U |
           std::uint32_t{bytes[3]};
  }

  /// Throws InputError unless a file of this size can hold a header and `count` items of `bytes` bytes (at
  /// most `most_pixels`), so that nothing has to be allocated to find out.
  void demand_room(std::uint64_t header, std::uint64_t count, std::uint64_t bytes) const {
    const std::uint64_t needed = header + count * bytes;  // below 2³² · 10⁷ + 16
    if (file_.compressed() ? needed / deflate_limit > file_.size() : needed > file_.size()) {
      throw InputError(fmt::format("'{}' is too short for the {} {} that it announces; fetch it again",
                                   name(), count, what_));
    }
    if (!file_.compressed() && needed < file_.size()) {
      throw InputError(fmt::format("'{}' is {} bytes longer than the {} {} that it announces; fetch it again",
                                   name(), file_.size() - needed, count, what_));
    }
  }

  /// The next `count` bytes. Throws InputError when there are fewer or they are damaged.
  void read(unsigned char* bytes, std::size_t count) {
    if (file_.read(bytes, count) < count) {
      throw InputError(
          fmt::format("'{}' ends too early for an IDX file of {}; fetch it again", name(), what_));
    }
  }

  /// Throws InputError when there are more bytes, or the check sum of a compressed file is wrong.
  void demand_end() {
    unsigned char byte = 0;
    if (file_.read(&byte, 1) > 0) {
      throw InputError(
          fmt::format("'{}' goes on behind the {} that it announces; fetch it again", name(), what_));
    }
  }

 private:
  [[nodiscard]] std::string name() const { return file_.path().string(); }

  std::string what_;
  CompressedFile file_;
};

/// Every value that a pixel can have, as a feature.
template <class T>
std::array<T, 256> pixel_values(double scale) {
  std::array<T, 256> values{};
  for (std::size_t pixel = 0; pixel < values.size(); ++pixel) {
    values[pixel] = static_cast<T>(static_cast<double>(pixel) * scale);
  }
  if (!(scale > 0) || !std::isfinite(values.back())) {
    throw InputError(fmt::format(
        "data.scale_pixels = {}; give a number above 0 with which pixels are finite, e.g. 1/255 = {}", scale,
        1.0 / 255));
  }
  return values;
}

/// The classes of `labels`, or those known already. Throws InputError as read_idx does.
std::vector<std::string> classes_of(const std::vector<int>& labels, const IdxOptions& options,
                                    const fs::path& file) {
  const int largest = *std::max_element(labels.begin(), labels.end());
  const std::vector<std::string>& known = options.classes;
  const int most = known.empty() ? options.most_classes : static_cast<int>(known.size());
  if (largest >= most) {
    const auto first = std::find_if(labels.begin(), labels.end(), [&](int label) { return label >= most; });
    throw InputError(fmt::format("'{}', sample {}: label {} is none of 0 to {}; give labels of the {} {}",
                                 file.string(), first - labels.begin(), *first, most - 1, most,
                                 known.empty() ? "classes of this source" : "known classes"));
  }
  if (!known.empty()) {
    return known;
  }
  if (std::all_of(labels.begin(), labels.end(), [&](int label) { return label == largest; })) {
    throw InputError(fmt::format("'{}' holds one class only ({}); a classification needs at least two",
                                 file.string(), largest));
  }
  const std::set<int> present(labels.begin(), labels.end());
  const std::size_t count = static_cast<std::size_t>(largest) + 1;
  if (2 * present.size() < count) {
    const auto first = std::find(labels.begin(), labels.end(), largest);
    throw InputError(fmt::format(
        "'{}', sample {}: label {} would make {} classes, of which {} have no sample; give labels that "
        "count from 0",
        file.string(), first - labels.begin(), largest, count, count - present.size()));
  }
  std::vector<std::string> classes;
  for (int c = 0; c <= largest; ++c) {
    classes.push_back(fmt::format("{}", c));
  }
  return classes;
}

}  // namespace

template <class T>
Dataset<T> read_idx(const fs::path& images, const fs::path& labels, const IdxOptions& options) {
  const std::array<T, 256> values = pixel_values<T>(options.pixel_scale);
  constexpr std::uint64_t images_header = 16;
  constexpr std::uint64_t labels_header = 8;
  IdxStream pictures(images, "images");
  IdxStream classes(labels, "labels");
  pictures.demand_magic(images_magic, labels_magic, "labels");
  classes.demand_magic(labels_magic, images_magic, "images");
  const std::uint64_t count = pictures.number();
  const std::uint64_t rows = pictures.number();
  const std::uint64_t columns = pictures.number();
  const std::uint64_t label_count = classes.number();
  if (count == 0 || rows == 0 || columns == 0) {
    throw InputError(fmt::format("'{}' announces {} images of {} × {} pixels; give at least one of each",
                                 images.string(), count, rows, columns));
  }
  if (rows > most_pixels / columns) {
    throw InputError(fmt::format("'{}' announces images of {} × {} pixels; give at most {} an image",
                                 images.string(), rows, columns, most_pixels));
  }
  if (count != label_count) {
    throw InputError(
        fmt::format("'{}' holds {} images but '{}' holds {} labels; give files that belong "
                    "together",
                    images.string(), count, labels.string(), label_count));
  }
  const std::uint64_t pixels = rows * columns;
  pictures.demand_room(images_header, count, pixels);
  classes.demand_room(labels_header, count, 1);

  Dataset<T> data;
  const auto samples = static_cast<Index>(count);
  std::vector<unsigned char> bytes(count);
  classes.read(bytes.data(), bytes.size());
  classes.demand_end();
  data.labels.assign(bytes.begin(), bytes.end());
  data.classes = classes_of(data.labels, options, labels);
  data.image = {static_cast<Index>(rows), static_cast<Index>(columns)};

  // The file holds one picture after the other, the features one pixel of all pictures after the other:
  // blocks that fit into the cache are turned.
  constexpr std::uint64_t block_bytes = std::uint64_t{1} << 18U;
  const auto block = static_cast<Index>(std::clamp<std::uint64_t>(block_bytes / pixels, 1, count));
  bytes.resize(static_cast<std::size_t>(block) * pixels);
  data.features.resize(static_cast<Index>(pixels), samples);
  for (Index first = 0; first < samples; first += block) {
    const Index size = std::min(block, samples - first);
    pictures.read(bytes.data(), static_cast<std::size_t>(size) * pixels);
    for (Index i = 0; i < data.features.rows(); ++i) {
      T* const feature = &data.features(i, first);
      for (Index d = 0; d < size; ++d) {
        feature[d] = values[bytes[static_cast<std::size_t>(d) * pixels + static_cast<std::size_t>(i)]];
      }
    }
  }
  pictures.demand_end();
  return data;
}

MnistFiles find_mnist(const fs::path& directory) {
  std::error_code error;
  if (!fs::is_directory(directory, error)) {
    throw InputError(
        fmt::format("'{}' is no directory; give with --data the one that holds MNIST's four files, or fetch "
                    "them with scripts/fetch-mnist.sh",
                    directory.string()));
  }
  const auto find = [&](const char* name) {
    fs::path plain = directory / name;
    fs::path compressed = plain;
    compressed += ".gz";
    std::error_code ignored;
    if (fs::exists(plain, ignored)) {
      return plain;
    }
    if (fs::exists(compressed, ignored)) {
      return compressed;
    }
    throw InputError(
        fmt::format("'{}' holds neither {} nor {}.gz; give the directory of MNIST's four files, "
                    "or fetch them with scripts/fetch-mnist.sh",
                    directory.string(), name, name));
  };
  return {find("train-images-idx3-ubyte"), find("train-labels-idx1-ubyte"), find("t10k-images-idx3-ubyte"),
          find("t10k-labels-idx1-ubyte")};
}

template Dataset<float> read_idx(const fs::path&, const fs::path&, const IdxOptions&);
template Dataset<double> read_idx(const fs::path&, const fs::path&, const IdxOptions&);

}  // namespace turnpike
