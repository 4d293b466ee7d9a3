#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "turnpike/ensemble.hpp"

namespace turnpike {

struct IdxOptions {
  double pixel_scale = 1.0 / 255;    ///< a feature is its pixel, 0 to 255, times this; positive
  std::vector<std::string> classes;  ///< known classes; empty for "0" to the largest label
  int most_classes = 256;            ///< how many the labels can stand for where `classes` is empty
};

/// Reads pictures and their labels from a pair of IDX files (the format of MNIST), plain or compressed with
/// gzip. A picture of rows × columns bytes becomes one sample, its pixels row by row the features, and
/// `Dataset::image` their shape; label c is the class of index c. The features have no names.
///
/// Throws InputError for: a file that is missing, cut short, damaged or followed by more bytes than it
/// announces; one that is no IDX file of its kind (swapped files are named as such); empty pictures or no
/// samples; sizes that the file cannot hold; pictures and labels of different number; labels of a single
/// class, or beyond `classes` or `most_classes`, or such that most classes up to the largest label have no
/// sample; a scale with which pixels are no finite numbers in T.
template <class T = double>
Dataset<T> read_idx(const std::filesystem::path& images, const std::filesystem::path& labels,
                    const IdxOptions& options);

/// The four files of MNIST and of data sets that come like it (Fashion-MNIST, KMNIST).
struct MnistFiles {
  std::filesystem::path train_images;
  std::filesystem::path train_labels;
  std::filesystem::path test_images;
  std::filesystem::path test_labels;
};

/// Finds train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte
/// in `directory`, each plain or, where that is missing, with the ending .gz. Throws InputError when one is
/// not there.
MnistFiles find_mnist(const std::filesystem::path& directory);

}  // namespace turnpike
