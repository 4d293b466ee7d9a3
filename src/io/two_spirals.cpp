#include "turnpike/two_spirals.hpp"

#include <fmt/format.h>
#include <cmath>
#include <numbers>

#include "turnpike/error.hpp"
#include "turnpike/random.hpp"

namespace turnpike {

namespace {

void demand(bool condition, const char* key, double value, const char* range) {
  if (!condition) {
    throw InputError(fmt::format("data.{} = {}; give {}", key, value, range));
  }
}

/// Samples at s = (i + shift)/(per_class − 1), i < count.
template <class T>
Dataset<T> spirals(const TwoSpiralsOptions& o, Index count, double shift, double noise) {
  demand(o.per_class >= 2 && o.per_class <= 10'000'000, "per_class", static_cast<double>(o.per_class),
         "a whole number from 2 to 10000000");
  demand(std::isfinite(o.turns) && o.turns > 0, "turns", o.turns, "a finite number above 0");
  demand(std::isfinite(o.scale) && o.scale > 0, "scale", o.scale, "a finite number above 0");
  demand(std::isfinite(o.noise) && o.noise >= 0, "noise", o.noise, "a finite number of at least 0");
  Dataset<T> data;
  data.features.resize(2, 2 * count);
  data.labels.resize(static_cast<std::size_t>(2 * count));
  data.classes = {"0", "1"};
  data.feature_names = {"x1", "x2"};
  Random random(o.seed, RandomPurpose::data);
  for (Index i = 0; i < count; ++i) {
    const double s = (static_cast<double>(i) + shift) / static_cast<double>(o.per_class - 1);
    const double angle = 2 * std::numbers::pi * o.turns * s;
    const double radius = o.scale * (104 - 96 * s) / 104;
    const double x = radius * std::sin(angle);
    const double y = radius * std::cos(angle);
    for (const int label : {0, 1}) {
      const double sign = label == 0 ? 1 : -1;
      const Index d = label * count + i;
      double dx = 0;
      double dy = 0;
      if (noise > 0) {
        dx = noise * random.normal();
        dy = noise * random.normal();
      }
      // Adding +0 turns −0 into +0, so that zero control returns the state bit for bit.
      data.features(0, d) = static_cast<T>(sign * x + dx) + T(0);
      data.features(1, d) = static_cast<T>(sign * y + dy) + T(0);
      data.labels[static_cast<std::size_t>(d)] = label;
    }
  }
  return data;
}

}  // namespace

template <class T>
Dataset<T> two_spirals(const TwoSpiralsOptions& options) {
  return spirals<T>(options, options.per_class, 0.0, options.noise);
}

template <class T>
Dataset<T> two_spirals_test(const TwoSpiralsOptions& options) {
  return spirals<T>(options, options.per_class - 1, 0.5, 0.0);
}

template Dataset<float> two_spirals(const TwoSpiralsOptions&);
template Dataset<double> two_spirals(const TwoSpiralsOptions&);
template Dataset<float> two_spirals_test(const TwoSpiralsOptions&);
template Dataset<double> two_spirals_test(const TwoSpiralsOptions&);

}  // namespace turnpike
