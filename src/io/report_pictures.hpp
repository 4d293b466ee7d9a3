#pragma once

#include <optional>
#include <string>

#include "turnpike/dataset_file.hpp"
#include "turnpike/report.hpp"
#include "turnpike/turnpike.hpp"

/// Samples as pictures, in the order of their labels and predictions. There are none when the features are no
/// pictures. `standardization` is what was applied to the features, and is undone.
namespace turnpike {

/// Up to 60 misclassified samples of a split, evenly picked from all of them; empty when there are none.
template <class T>
std::optional<ReportPictures> misclassified_pictures(const std::string& split, const Dataset<T>& data,
                                                     const Measurement& measurement,
                                                     const Standardization& standardization);

/// The first samples of each class, as many as fit into 80 pictures but at most eight, of up to 80 classes.
template <class T>
std::optional<ReportPictures> example_pictures(const std::string& split, const Dataset<T>& data,
                                               const Measurement& measurement,
                                               const Standardization& standardization);

}  // namespace turnpike
