#include "io/report_samples.hpp"

#include <algorithm>

namespace turnpike {

Index most_drawn_samples(Index frames) {
  // 70,000 points are about a megabyte of the page.
  return std::clamp<Index>(70000 / frames, 50, 600);
}

std::vector<Index> evenly_picked(Index count, Index most) {
  const Index picked = std::min(count, most);
  std::vector<Index> indices;
  for (Index j = 0; j < picked; ++j) {
    indices.push_back(j * count / picked);
  }
  return indices;
}

template <class T>
Dataset<T> samples_at(const Dataset<T>& data, const std::vector<Index>& indices) {
  Dataset<T> part;
  part.classes = data.classes;
  part.feature_names = data.feature_names;
  part.image = data.image;
  part.features.resize(data.feature_count(), static_cast<Index>(indices.size()));
  for (std::size_t j = 0; j < indices.size(); ++j) {
    part.features.col(static_cast<Index>(j)) = data.features.col(indices[j]);
    part.labels.push_back(data.labels[static_cast<std::size_t>(indices[j])]);
  }
  return part;
}

template Dataset<float> samples_at(const Dataset<float>&, const std::vector<Index>&);
template Dataset<double> samples_at(const Dataset<double>&, const std::vector<Index>&);

}  // namespace turnpike
