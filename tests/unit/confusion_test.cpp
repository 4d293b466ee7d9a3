#include "turnpike/confusion.hpp"

#include <doctest/doctest.h>

namespace turnpike {
namespace {

TEST_CASE("a confusion matrix counts labels in rows and predictions in columns") {
  const std::vector<int> labels = {0, 0, 0, 1, 1, 2, 2, 2};
  const std::vector<int> predicted = {0, 0, 1, 1, 1, 0, 0, 2};
  const ConfusionMatrix m = confusion_matrix(labels, predicted, 3);
  CHECK(m.counts == std::vector<std::size_t>{2, 1, 0, 0, 2, 0, 2, 0, 1});
  CHECK(m.samples() == 8);
  CHECK(m.samples(2) == 3);
  CHECK(m.right() == 5);
  const auto mistakes = m.mistakes();
  REQUIRE(mistakes.size() == 2);
  CHECK(mistakes[0].label == 2);
  CHECK(mistakes[0].predicted == 0);
  CHECK(mistakes[0].count == 2);
  CHECK(m.summary("test", {"a", "b", "c"}) ==
        "5 of 8 test samples are right (62.50 %); the lowest accuracy is that of class c (33.33 %). The most "
        "frequent mistake is c taken for a: 2 times.");
}

TEST_CASE("a confusion matrix without mistakes or without samples says so") {
  const std::vector<int> labels = {1, 0};
  CHECK(confusion_matrix(labels, labels, 3).summary("train", {"a", "b", "c"}) ==
        "2 of 2 train samples are right (100.00 %).");
  CHECK(confusion_matrix({}, {}, 2).summary("test", {"a", "b"}) == "There are no test samples.");
}

}  // namespace
}  // namespace turnpike
