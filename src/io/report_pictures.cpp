#include "io/report_pictures.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "io/report_samples.hpp"

namespace turnpike {

template <class T>
std::optional<ReportPictures> misclassified_pictures(const std::string& split, const Dataset<T>& data,
                                                     const Measurement& measurement,
                                                     const Standardization& standardization) {
  constexpr Index most_pictures = 60;
  constexpr Index most_pixels = 400'000;  // of all pictures: what keeps the page small
  const Index pixels = data.image.rows * data.image.columns;
  if (pixels == 0 || pixels > most_pixels) {
    return {};
  }
  std::vector<Index> wrong;
  for (Index d = 0; d < data.size(); ++d) {
    if (measurement.predicted[static_cast<std::size_t>(d)] != data.labels[static_cast<std::size_t>(d)]) {
      wrong.push_back(d);
    }
  }
  if (wrong.empty()) {
    return {};
  }
  ReportPictures pictures;
  pictures.split = split;
  pictures.rows = static_cast<std::size_t>(data.image.rows);
  pictures.columns = static_cast<std::size_t>(data.image.columns);
  pictures.wrong = wrong.size();
  const auto brightness = [&](Index pixel, Index d) {
    const auto i = static_cast<std::size_t>(pixel);
    const auto value = static_cast<double>(data.features(pixel, d));
    return standardization.mean.empty() ? value : standardization.mean[i] + standardization.scale[i] * value;
  };
  const Index most = std::min(most_pictures, most_pixels / pixels);
  double white = 0;
  for (const Index j : evenly_picked(static_cast<Index>(wrong.size()), most)) {
    const Index d = wrong[static_cast<std::size_t>(j)];
    pictures.list.push_back({static_cast<std::size_t>(d),
                             data.labels[static_cast<std::size_t>(d)],
                             measurement.predicted[static_cast<std::size_t>(d)],
                             {}});
    for (Index pixel = 0; pixel < pixels; ++pixel) {
      white = std::max(white, brightness(pixel, d));
    }
  }
  for (ReportPicture& picture : pictures.list) {
    for (Index pixel = 0; pixel < pixels; ++pixel) {
      const double share = white > 0 ? brightness(pixel, static_cast<Index>(picture.sample)) / white : 0;
      picture.pixels.push_back(static_cast<std::uint8_t>(std::lround(255 * std::clamp(share, 0.0, 1.0))));
    }
  }
  std::sort(pictures.list.begin(), pictures.list.end(), [](const ReportPicture& a, const ReportPicture& b) {
    return std::tie(a.label, a.predicted, a.sample) < std::tie(b.label, b.predicted, b.sample);
  });
  return pictures;
}

template std::optional<ReportPictures> misclassified_pictures(const std::string&, const Dataset<float>&,
                                                              const Measurement&, const Standardization&);
template std::optional<ReportPictures> misclassified_pictures(const std::string&, const Dataset<double>&,
                                                              const Measurement&, const Standardization&);

}  // namespace turnpike
