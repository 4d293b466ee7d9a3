#include "io/report_pictures.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string>

#include "io/base64.hpp"
#include "io/report_samples.hpp"

namespace turnpike {
namespace {

/// Pictures of 8×8 pixels: class c brightens row 2c + 1, sample d with 1 + d mod 4.
template <class T>
Dataset<T> stripes(Index samples) {
  Dataset<T> data;
  data.image = {8, 8};
  data.classes = {"top", "middle", "bottom"};
  data.features = State<T>::Zero(64, samples);
  for (Index d = 0; d < samples; ++d) {
    const Index label = d % 3;
    data.labels.push_back(static_cast<int>(label));
    data.features.block(8 * (2 * label + 1), d, 8, 1).setConstant(static_cast<T>(1 + d % 4));
  }
  return data;
}

TEST_CASE_TEMPLATE("misclassified pictures are sorted, few, and scaled to the brightest pixel", T, float,
                   double) {
  const Dataset<T> data = stripes<T>(300);
  Measurement m;
  m.predicted.assign(300, 1);  // wrong are the 200 samples of the other classes
  const auto pictures = misclassified_pictures("test", data, m, {});
  REQUIRE(pictures);
  CHECK(pictures->split == "test");
  CHECK(pictures->wrong == 200);
  CHECK(pictures->list.size() == 60);
  CHECK(std::is_sorted(pictures->list.begin(), pictures->list.end(),
                       [](const auto& a, const auto& b) { return a.label < b.label; }));
  for (const ReportPicture& p : pictures->list) {
    REQUIRE(p.pixels.size() == 64);
    CHECK(p.label != p.predicted);
    CHECK(p.pixels[0] == 0);
    CHECK(p.pixels[static_cast<std::size_t>(8 * (2 * p.label + 1))] ==
          std::array<int, 4>{64, 128, 191, 255}[p.sample % 4]);
  }
}

TEST_CASE("examples are samples of every class") {
  const Dataset<double> data = stripes<double>(300);
  Measurement m;
  m.predicted = data.labels;
  const auto pictures = example_pictures("train", data, m, {});
  REQUIRE(pictures);
  CHECK(pictures->wrong == 0);
  REQUIRE(pictures->list.size() == 24);
  for (std::size_t i = 0; i < 24; ++i) {
    CHECK(pictures->list[i].label == static_cast<int>(i / 8));
  }
}

TEST_CASE("standardization is undone in pictures") {
  const Dataset<double> data = stripes<double>(6);
  Dataset<double> standardized = data;
  const Standardization s = standardization_of(data);
  s.apply(standardized);
  Measurement m;
  m.predicted.assign(6, 0);
  const auto plain = misclassified_pictures("train", data, m, {});
  const auto undone = misclassified_pictures("train", standardized, m, s);
  REQUIRE(plain);
  REQUIRE(undone);
  for (std::size_t i = 0; i < plain->list.size(); ++i) {
    CHECK(plain->list[i].pixels == undone->list[i].pixels);
  }
}

TEST_CASE("there are no pictures of what is right or no picture") {
  Dataset<double> data = stripes<double>(3);
  Measurement m;
  m.predicted = data.labels;
  CHECK_FALSE(misclassified_pictures("train", data, m, {}));
  m.predicted = {1, 1, 1};
  data.image = {};
  CHECK_FALSE(example_pictures("train", data, m, {}));
  CHECK_FALSE(misclassified_pictures("train", data, m, {}));
}

TEST_CASE("drawn samples are evenly picked, no more than asked for, with their labels") {
  CHECK(evenly_picked(5, 10) == std::vector<Index>{0, 1, 2, 3, 4});
  CHECK(evenly_picked(7, 3) == std::vector<Index>{0, 2, 4});
  CHECK(evenly_picked(60000, 600).size() == 600);
  CHECK(evenly_picked(0, 3).empty());
  CHECK(most_drawn_samples(61) == 600);
  CHECK(most_drawn_samples(241) < 600);
  const Dataset<float> data = stripes<float>(12);
  const Dataset<float> part = samples_at(data, {1, 5, 9});
  CHECK(part.size() == 3);
  CHECK(part.labels == std::vector<int>{1, 2, 0});
  CHECK(part.features.col(1) == data.features.col(5));
  CHECK(part.image.rows == 8);
}

TEST_CASE("bytes become base64 as in RFC 4648, section 10") {
  const auto encoded = [](const std::string& text) {
    return base64(std::vector<std::uint8_t>(text.begin(), text.end()));
  };
  CHECK(encoded("").empty());
  CHECK(encoded("f") == "Zg==");
  CHECK(encoded("fo") == "Zm8=");
  CHECK(encoded("foobar") == "Zm9vYmFy");
}

}  // namespace
}  // namespace turnpike
