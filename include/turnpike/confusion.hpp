#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace turnpike {

/// How often the samples of each class are taken for each class.
struct ConfusionMatrix {
  std::size_t classes = 0;          ///< C
  std::vector<std::size_t> counts;  ///< C×C, row by row: the label chooses the row, the prediction the column

  [[nodiscard]] std::size_t at(std::size_t label, std::size_t predicted) const {
    return counts[label * classes + predicted];
  }
  [[nodiscard]] std::size_t samples() const;                   ///< all of them
  [[nodiscard]] std::size_t samples(std::size_t label) const;  ///< those of one class
  [[nodiscard]] std::size_t right() const;                     ///< those on the diagonal

  /// Samples of one class that are taken for another.
  struct Mistake {
    std::size_t label = 0;
    std::size_t predicted = 0;
    std::size_t count = 0;
  };
  /// The entries off the diagonal that are not 0, largest first; among equals in the order of the rows.
  [[nodiscard]] std::vector<Mistake> mistakes() const;

  /// One or two sentences: how many are right, the class with the lowest accuracy, the largest mistake.
  /// `split` is "train" or "test", `names` are those of the classes.
  [[nodiscard]] std::string summary(const std::string& split, const std::vector<std::string>& names) const;
};

/// Counts labels against predicted classes, which are as many; all are 0 to C − 1.
ConfusionMatrix confusion_matrix(std::span<const int> labels, std::span<const int> predicted,
                                 std::size_t classes);

}  // namespace turnpike
