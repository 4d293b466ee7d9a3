#include "turnpike/dataset_file.hpp"

#include <fmt/format.h>
#include <cmath>

#include "turnpike/error.hpp"

namespace turnpike {

template <class T>
void Standardization::apply(Dataset<T>& data) const {
  if (mean.empty()) {
    return;
  }
  if (static_cast<Index>(mean.size()) != data.feature_count()) {
    throw InputError(fmt::format("the data have {} features where the model was trained with {}",
                                 data.feature_count(), mean.size()));
  }
  for (Index i = 0; i < data.feature_count(); ++i) {
    const auto index = static_cast<std::size_t>(i);
    data.features.row(i).array() =
        ((data.features.row(i).array().template cast<double>() - mean[index]) / scale[index] + 0.0)
            .template cast<T>();
  }
}

template <class T>
Standardization standardization_of(const Dataset<T>& data) {
  Standardization result;
  for (Index i = 0; i < data.feature_count(); ++i) {
    const double mean = data.features.row(i).template cast<double>().mean();
    const double variance = (data.features.row(i).array().template cast<double>() - mean).square().mean();
    const double deviation = std::sqrt(variance);
    result.mean.push_back(mean);
    result.scale.push_back(deviation > 0 ? deviation : 1);
  }
  return result;
}

template void Standardization::apply(Dataset<float>&) const;
template void Standardization::apply(Dataset<double>&) const;
template Standardization standardization_of(const Dataset<float>&);
template Standardization standardization_of(const Dataset<double>&);

}  // namespace turnpike
