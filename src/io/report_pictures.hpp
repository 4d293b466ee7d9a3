#pragma once

#include <optional>
#include <string>

#include "turnpike/dataset_file.hpp"
#include "turnpike/report.hpp"
#include "turnpike/turnpike.hpp"

namespace turnpike {

/// Up to 60 misclassified samples of a split, evenly picked from all of them, in the order of their labels
/// and predictions; empty when the features are no pictures or none is misclassified. `standardization` is
/// what was applied to the features, and is undone.
template <class T>
std::optional<ReportPictures> misclassified_pictures(const std::string& split, const Dataset<T>& data,
                                                     const Measurement& measurement,
                                                     const Standardization& standardization);

}  // namespace turnpike
