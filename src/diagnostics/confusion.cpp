#include "turnpike/confusion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <numeric>
#include <optional>

namespace turnpike {

std::size_t ConfusionMatrix::samples() const {
  return std::accumulate(counts.begin(), counts.end(), std::size_t{0});
}

std::size_t ConfusionMatrix::samples(std::size_t label) const {
  std::size_t sum = 0;
  for (std::size_t predicted = 0; predicted < classes; ++predicted) {
    sum += at(label, predicted);
  }
  return sum;
}

std::size_t ConfusionMatrix::right() const {
  std::size_t sum = 0;
  for (std::size_t c = 0; c < classes; ++c) {
    sum += at(c, c);
  }
  return sum;
}

std::vector<ConfusionMatrix::Mistake> ConfusionMatrix::mistakes() const {
  std::vector<Mistake> list;
  for (std::size_t label = 0; label < classes; ++label) {
    for (std::size_t predicted = 0; predicted < classes; ++predicted) {
      if (label != predicted && at(label, predicted) > 0) {
        list.push_back({label, predicted, at(label, predicted)});
      }
    }
  }
  std::stable_sort(list.begin(), list.end(),
                   [](const Mistake& a, const Mistake& b) { return a.count > b.count; });
  return list;
}

std::string ConfusionMatrix::summary(const std::string& split, const std::vector<std::string>& names) const {
  const std::size_t all = samples();
  if (all == 0) {
    return fmt::format("There are no {} samples.", split);
  }
  const auto percent = [](std::size_t part, std::size_t whole) {
    return fmt::format("{:.2f} %", 100 * static_cast<double>(part) / static_cast<double>(whole));
  };
  std::string text =
      fmt::format("{} of {} {} samples are right ({})", right(), all, split, percent(right(), all));
  const std::vector<Mistake> wrong = mistakes();
  if (wrong.empty()) {
    return text + ".";
  }
  std::optional<std::size_t> worst;
  for (std::size_t c = 0; c < classes; ++c) {
    // Fractions are compared as products: no rounding decides between two classes.
    if (samples(c) > 0 && (!worst || at(c, c) * samples(*worst) < at(*worst, *worst) * samples(c))) {
      worst = c;
    }
  }
  return text + fmt::format(
                    "; the lowest accuracy is that of class {} ({}). The most frequent mistake is {} taken "
                    "for {}: {}.",
                    names[*worst], percent(at(*worst, *worst), samples(*worst)), names[wrong.front().label],
                    names[wrong.front().predicted],
                    wrong.front().count == 1 ? "once" : fmt::format("{} times", wrong.front().count));
}

ConfusionMatrix confusion_matrix(std::span<const int> labels, std::span<const int> predicted,
                                 std::size_t classes) {
  assert(labels.size() == predicted.size());
  ConfusionMatrix matrix{classes, std::vector<std::size_t>(classes * classes)};
  for (std::size_t d = 0; d < labels.size(); ++d) {
    ++matrix.counts[static_cast<std::size_t>(labels[d]) * classes + static_cast<std::size_t>(predicted[d])];
  }
  return matrix;
}

}  // namespace turnpike
