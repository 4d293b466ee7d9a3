#include "turnpike/idx_file.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "idx_bytes.hpp"
#include "temporary_directory.hpp"
#include "turnpike/error.hpp"
#include "turnpike/experiment.hpp"

namespace turnpike {
namespace {

using test::TemporaryDirectory;

/// The sentence with which a pair of files is refused.
std::string message(const std::string& images, const std::string& labels, const IdxOptions& options = {}) {
  const TemporaryDirectory directory;
  try {
    (void)read_idx(directory.write("images", images), directory.write("labels", labels), options);
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

void refused(const std::string& images, const std::string& labels, const std::string& fragment,
             const IdxOptions& options = {}) {
  const std::string what = message(images, labels, options);
  CAPTURE(what);
  CHECK(what.find(fragment) != std::string::npos);
  CHECK(std::count(what.begin(), what.end(), '\n') == 0);
}

/// An IDX header without what it announces.
std::string images_header(std::uint32_t count, std::uint32_t rows, std::uint32_t columns) {
  return test::big_endian({0x803, count, rows, columns});
}

TEST_CASE_TEMPLATE("pictures are read plain and compressed, one pixel of all samples after the other", T,
                   float, double) {
  const TemporaryDirectory directory;
  const std::uint32_t count = 1500;  // several blocks
  const std::string images = test::idx_images(count, 16, 13);
  const std::string labels = test::idx_labels(test::cyclic_labels(count, 3));
  const Dataset<T> data =
      read_idx<T>(directory.write("i", images), directory.write("l.gz", test::gzipped(labels)), {});
  CHECK(data.size() == count);
  CHECK(data.feature_count() == 16 * 13);
  CHECK(data.image.rows == 16);
  CHECK(data.image.columns == 13);
  CHECK(data.classes == std::vector<std::string>{"0", "1", "2"});
  CHECK(data.feature_names.empty());
  bool right = true;
  for (std::uint32_t d = 0; d < count; ++d) {
    right = right && data.labels[d] == static_cast<int>(d % 3);
    for (std::uint32_t p = 0; p < 16 * 13; ++p) {
      right = right && data.features(p, d) == static_cast<T>(test::pixel(d, p) * (1.0 / 255));
    }
  }
  CHECK(right);
  // The name decides nothing, and a gzip file may have several members.
  const std::string members = test::gzipped(images.substr(0, 1000)) + test::gzipped(images.substr(1000));
  const Dataset<T> again = read_idx<T>(directory.write("j", members), directory.write("l", labels), {});
  CHECK(again.features == data.features);
  CHECK(again.labels == data.labels);
}

TEST_CASE("pixels are multiplied by the scale, and known classes are kept") {
  const TemporaryDirectory directory;
  const auto images = directory.write("i", test::idx_images(4, 2, 2));
  const auto labels = directory.write("l", test::idx_labels({1, 1, 1, 1}));
  const Dataset<double> data =
      read_idx(images, labels, {.pixel_scale = 0.5, .classes = {"shirt", "shoe", "bag"}});
  CHECK(data.features(3, 2) == 0.5 * test::pixel(2, 3));
  CHECK(data.classes.size() == 3);
  CHECK(data.labels == std::vector<int>(4, 1));
}

TEST_CASE("files that are no pair of IDX files are refused by what is wrong") {
  const std::string images = test::idx_images(6, 3, 2);
  const std::string labels = test::idx_labels(test::cyclic_labels(6, 2));
  REQUIRE(message(images, labels) == "accepted");
  refused(labels, images, "is an IDX file of labels, not of images; exchange the two");
  refused(images, images, "is an IDX file of images, not of labels");
  refused("", labels, "ends too early");
  refused(images.substr(0, 10), labels, "ends too early");
  refused("x,y,label\n1,2,a\n", labels, "begins with 0x782c792c");
  refused(images.substr(0, images.size() - 1), labels, "too short for the 6 images that it announces");
  refused(images + "x", labels, "1 bytes longer than the 6 images that it announces");
  refused(images, labels + "xy", "2 bytes longer than the 6 labels");
  refused(images, test::idx_labels(test::cyclic_labels(5, 2)), "holds 6 images but");
  refused(images, test::idx_labels({4, 4, 4, 4, 4, 4}), "one class only (4)");
  refused(images, labels, "sample 1: label 1 is none of 0 to 0", {.classes = {"zero"}});
  refused(images, labels, "sample 1: label 1 is none of 0 to 0; give labels of the 1 classes of this source",
          {.classes = {}, .most_classes = 1});
  for (const double scale : {0.0, -1.0, static_cast<double>(NAN), static_cast<double>(INFINITY), 1e307}) {
    refused(images, labels, "data.scale_pixels", {.pixel_scale = scale, .classes = {}});
  }
}

TEST_CASE("sizes are believed only as far as the file can hold them") {
  const std::string labels = test::idx_labels(test::cyclic_labels(6, 2));
  refused(images_header(6, 0, 2), labels, "6 images of 0 × 2 pixels");
  refused(images_header(0, 3, 2), labels, "0 images of 3 × 2 pixels");
  refused(images_header(6, 0xFFFFFFFF, 0xFFFFFFFF), labels, "4294967295 × 4294967295 pixels; give at most");
  refused(images_header(6, 3000, 3000), labels, "too short");
  refused(test::gzipped(images_header(6, 3000, 3000)), labels, "too short");
  const std::string many = test::big_endian({0x801, 0xFFFFFFFF});
  refused(images_header(0xFFFFFFFF, 3000, 3000), many, "too short");
  refused(test::gzipped(images_header(0xFFFFFFFF, 3000, 3000)), test::gzipped(many), "too short");
}

TEST_CASE("a label that would make mostly empty classes is refused, a gap is not") {
  const std::string images = test::idx_images(4, 2, 2);
  refused(images, test::idx_labels({0, 1, 255, 1}),
          "sample 2: label 255 would make 256 classes, of which 253 have no sample");
  CHECK(message(images, test::idx_labels({0, 1, 3, 1})) == "accepted");
}

TEST_CASE("compressed files that are damaged, cut short or too long are refused") {
  const std::string images = test::idx_images(200, 8, 8);
  const std::string labels = test::idx_labels(test::cyclic_labels(200, 5));
  const std::string good = test::gzipped(images);
  REQUIRE(message(good, labels) == "accepted");
  refused(good.substr(0, good.size() / 2), labels, "cut short");
  refused(good.substr(0, good.size() - 4), labels, "cut short");
  refused(good.substr(0, 2), labels, "cut short");
  std::string wrong_sum = good;
  wrong_sum[wrong_sum.size() - 6] ^= 1;
  refused(wrong_sum, labels, "damaged");
  std::string wrong_data = good;
  wrong_data[wrong_data.size() / 2] ^= 0x55;
  CHECK(message(wrong_data, labels) != "accepted");
  refused(good + "trailing", labels, "damaged");
  refused(good + test::gzipped("x"), labels, "goes on behind the images");
  refused(test::gzipped(images.substr(0, images.size() - 1)), labels, "ends too early");
  // A bomb: no more is decompressed than the header announces.
  refused(test::gzipped(images + std::string(20'000'000, '\0')), labels, "goes on behind");
}

TEST_CASE("missing files and directories in their place are refused") {
  const TemporaryDirectory directory;
  const auto labels = directory.write("l", test::idx_labels({0, 1}));
  CHECK_THROWS_WITH_AS((void)read_idx(directory / "none", labels, {}),
                       doctest::Contains("there is no IDX file"), InputError);
  CHECK_THROWS_WITH_AS((void)read_idx(directory.path(), labels, {}), doctest::Contains("no regular file"),
                       InputError);
  CHECK_THROWS_WITH_AS((void)read_idx("/dev/zero", labels, {}), doctest::Contains("no regular file"),
                       InputError);
  CHECK_THROWS_WITH_AS((void)find_mnist(directory / "none"), doctest::Contains("is no directory"),
                       InputError);
  CHECK_THROWS_WITH_AS((void)find_mnist(directory.path()),
                       doctest::Contains("neither train-images-idx3-ubyte nor train-images-idx3-ubyte.gz"),
                       InputError);
}

TEST_CASE("a directory in the manner of MNIST and a pair of files are experiments with test samples") {
  const TemporaryDirectory directory;
  test::write_small_mnist(directory, "fashion");
  RunConfig config = recipe("mnist");
  config.data.path = (directory / "fashion").string();
  config.optimizer.batch = 8;
  const Experiment<float> e = load_experiment<float>(config);
  CHECK(e.train.size() == 40);
  CHECK(e.test.size() == 20);
  CHECK(e.train.class_count() == 4);
  CHECK(e.config.field.state == 20);
  CHECK(e.model_info().image.rows == 5);
  const ModelInfo model = e.model_info();
  CHECK(load_experiment<float>(model).train.features == e.train.features);
  CHECK(load_experiment<float>(model, directory / "fashion").test.size() == 20);

  config.data.standardize = true;
  const Experiment<float> standardized = load_experiment<float>(config);
  CHECK(standardized.train.features.row(3).mean() == doctest::Approx(0).epsilon(1e-5));

  RunConfig pair = recipe("idx");
  pair.optimizer.batch = 8;
  pair.data.path = (directory / "fashion/train-images-idx3-ubyte").string();
  pair.data.labels = (directory / "fashion/train-labels-idx1-ubyte.gz").string();
  CHECK(load_experiment<float>(pair).test.size() == 0);
  pair.data.test_fraction = 0.2;
  const Experiment<float> split = load_experiment<float>(pair);
  CHECK(split.train.size() == 32);
  CHECK(split.test.size() == 8);
  CHECK(split.train.image.columns == 4);
  pair.data.test_fraction = 0;
  pair.data.test_path = (directory / "fashion/t10k-images-idx3-ubyte.gz").string();
  CHECK_THROWS_WITH_AS((void)load_experiment<float>(pair), doctest::Contains("go together"), InputError);
  pair.data.test_labels = (directory / "fashion/t10k-labels-idx1-ubyte").string();
  CHECK(load_experiment<float>(pair).test.features == e.test.features);
  directory.write("wide", test::idx_images(20, 2, 10));
  pair.data.test_path = (directory / "wide").string();
  CHECK_THROWS_WITH_AS((void)load_experiment<float>(pair), doctest::Contains("images of 2 × 10 pixels"),
                       InputError);
}

TEST_CASE("MNIST is read whole") {
  const char* const directory = std::getenv("TURNPIKE_MNIST_DIR");
  if (directory == nullptr) {
    MESSAGE("skipped: TURNPIKE_MNIST_DIR names no directory with MNIST");
    return;
  }
  const MnistFiles files = find_mnist(directory);
  const auto check = [](const Dataset<float>& data, const std::vector<Index>& histogram) {
    CHECK(data.image.rows == 28);
    CHECK(data.image.columns == 28);
    CHECK(data.class_count() == 10);
    std::vector<Index> counts(10, 0);
    for (const int label : data.labels) {
      ++counts[static_cast<std::size_t>(label)];
    }
    CHECK(counts == histogram);
    CHECK(data.features.minCoeff() == 0);
    CHECK(data.features.maxCoeff() == 1);
  };
  const Dataset<float> train = read_idx<float>(files.train_images, files.train_labels, {});
  CHECK(train.size() == 60000);
  check(train, {5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949});
  CHECK(train.features.cast<double>().mean() == doctest::Approx(0.1306604762738429));
  const Dataset<float> test = read_idx<float>(files.test_images, files.test_labels, {});
  CHECK(test.size() == 10000);
  check(test, {980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009});
}

}  // namespace
}  // namespace turnpike
