#include "io/report_pictures.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "io/report_samples.hpp"

namespace turnpike {

namespace {

/// What keeps the page small: pixels of all pictures together.
constexpr Index most_pixels = 400'000;

template <class T>
Index pixels_of(const Dataset<T>& data) {
  return data.image.rows * data.image.columns;
}

std::vector<Index> wrong_samples(const std::vector<int>& labels, const std::vector<int>& predicted) {
  std::vector<Index> wrong;
  for (std::size_t d = 0; d < labels.size(); ++d) {
    if (predicted[d] != labels[d]) {
      wrong.push_back(static_cast<Index>(d));
    }
  }
  return wrong;
}

template <class T>
ReportPictures pictures_of(const std::string& split, const Dataset<T>& data,
                           const std::vector<Index>& samples, const Measurement& measurement,
                           const Standardization& standardization) {
  ReportPictures pictures;
  pictures.split = split;
  pictures.rows = static_cast<std::size_t>(data.image.rows);
  pictures.columns = static_cast<std::size_t>(data.image.columns);
  pictures.wrong = wrong_samples(data.labels, measurement.predicted).size();
  const auto brightness = [&](Index pixel, Index d) {
    const auto i = static_cast<std::size_t>(pixel);
    const auto value = static_cast<double>(data.features(pixel, d));
    return standardization.mean.empty() ? value : standardization.mean[i] + standardization.scale[i] * value;
  };
  double white = 0;
  for (const Index d : samples) {
    const auto i = static_cast<std::size_t>(d);
    pictures.list.push_back({i, data.labels[i], measurement.predicted[i], {}});
    for (Index pixel = 0; pixel < pixels_of(data); ++pixel) {
      white = std::max(white, brightness(pixel, d));
    }
  }
  for (ReportPicture& picture : pictures.list) {
    for (Index pixel = 0; pixel < pixels_of(data); ++pixel) {
      const double share = white > 0 ? brightness(pixel, static_cast<Index>(picture.sample)) / white : 0;
      picture.pixels.push_back(static_cast<std::uint8_t>(std::lround(255 * std::clamp(share, 0.0, 1.0))));
    }
  }
  std::sort(pictures.list.begin(), pictures.list.end(), [](const ReportPicture& a, const ReportPicture& b) {
    return std::tie(a.label, a.predicted, a.sample) < std::tie(b.label, b.predicted, b.sample);
  });
  return pictures;
}

}  // namespace

template <class T>
std::optional<ReportPictures> misclassified_pictures(const std::string& split, const Dataset<T>& data,
                                                     const Measurement& measurement,
                                                     const Standardization& standardization) {
  const Index pixels = pixels_of(data);
  const std::vector<Index> wrong = wrong_samples(data.labels, measurement.predicted);
  if (pixels == 0 || pixels > most_pixels || wrong.empty()) {
    return {};
  }
  std::vector<Index> samples;
  for (const Index j :
       evenly_picked(static_cast<Index>(wrong.size()), std::min<Index>(60, most_pixels / pixels))) {
    samples.push_back(wrong[static_cast<std::size_t>(j)]);
  }
  return pictures_of(split, data, samples, measurement, standardization);
}

template <class T>
std::optional<ReportPictures> example_pictures(const std::string& split, const Dataset<T>& data,
                                               const Measurement& measurement,
                                               const Standardization& standardization) {
  const Index pixels = pixels_of(data);
  if (pixels == 0 || pixels > most_pixels) {
    return {};
  }
  const Index most = std::min<Index>(80, most_pixels / pixels);
  const Index each = std::clamp<Index>(most / data.class_count(), 1, 8);
  std::vector<Index> count(data.classes.size());
  std::vector<Index> samples;
  for (Index d = 0; d < data.size() && static_cast<Index>(samples.size()) < most; ++d) {
    if (count[static_cast<std::size_t>(data.labels[static_cast<std::size_t>(d)])]++ < each) {
      samples.push_back(d);
    }
  }
  return pictures_of(split, data, samples, measurement, standardization);
}

template std::optional<ReportPictures> misclassified_pictures(const std::string&, const Dataset<float>&,
                                                              const Measurement&, const Standardization&);
template std::optional<ReportPictures> misclassified_pictures(const std::string&, const Dataset<double>&,
                                                              const Measurement&, const Standardization&);
template std::optional<ReportPictures> example_pictures(const std::string&, const Dataset<float>&,
                                                        const Measurement&, const Standardization&);
template std::optional<ReportPictures> example_pictures(const std::string&, const Dataset<double>&,
                                                        const Measurement&, const Standardization&);

}  // namespace turnpike
