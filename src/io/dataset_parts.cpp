#include "turnpike/dataset_file.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>

#include "turnpike/error.hpp"
#include "turnpike/random.hpp"

namespace turnpike {

template <class T>
std::pair<Dataset<T>, Dataset<T>> split(const Dataset<T>& data, double fraction, std::uint64_t seed) {
  std::vector<bool> aside(static_cast<std::size_t>(data.size()), false);
  for (Index c = 0; c < data.class_count(); ++c) {
    std::vector<std::size_t> members;
    for (std::size_t d = 0; d < data.labels.size(); ++d) {
      if (data.labels[d] == static_cast<int>(c)) {
        members.push_back(d);
      }
    }
    std::vector<Index> order(members.size());
    Random(seed, RandomPurpose::data, static_cast<std::uint64_t>(c)).permute(order);
    const auto count = static_cast<std::size_t>(std::lround(fraction * static_cast<double>(members.size())));
    if (count > 0 && count >= members.size()) {
      throw InputError(
          fmt::format("data.test_fraction = {} leaves class '{}' without a training sample; "
                      "lower it",
                      fraction, data.classes[static_cast<std::size_t>(c)]));
    }
    for (std::size_t i = 0; i < count; ++i) {
      aside[members[static_cast<std::size_t>(order[i])]] = true;
    }
  }
  std::pair<Dataset<T>, Dataset<T>> parts;
  for (const bool wanted : {false, true}) {
    Dataset<T>& part = wanted ? parts.second : parts.first;
    part.classes = data.classes;
    part.feature_names = data.feature_names;
    part.image = data.image;
    part.features.resize(data.feature_count(), std::count(aside.begin(), aside.end(), wanted));
    Index column = 0;
    for (Index d = 0; d < data.size(); ++d) {
      if (aside[static_cast<std::size_t>(d)] == wanted) {
        part.features.col(column++) = data.features.col(d);
        part.labels.push_back(data.labels[static_cast<std::size_t>(d)]);
      }
    }
  }
  return parts;
}

template <class T>
Dataset<T> first_samples(const Dataset<T>& data, Index count) {
  const Index size = std::min(count, data.size());
  return {data.features.leftCols(size),
          {data.labels.begin(), data.labels.begin() + size},
          data.classes,
          data.feature_names,
          data.image};
}

template <class To, class From>
Dataset<To> cast(const Dataset<From>& data) {
  return {data.features.template cast<To>(), data.labels, data.classes, data.feature_names, data.image};
}

template std::pair<Dataset<float>, Dataset<float>> split(const Dataset<float>&, double, std::uint64_t);
template std::pair<Dataset<double>, Dataset<double>> split(const Dataset<double>&, double, std::uint64_t);
template Dataset<float> first_samples(const Dataset<float>&, Index);
template Dataset<double> first_samples(const Dataset<double>&, Index);
template Dataset<float> cast(const Dataset<float>&);
template Dataset<float> cast(const Dataset<double>&);
template Dataset<double> cast(const Dataset<float>&);
template Dataset<double> cast(const Dataset<double>&);

}  // namespace turnpike
