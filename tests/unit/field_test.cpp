#include "turnpike/field.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "bf16_environment.hpp"
#include "turnpike/random.hpp"

namespace turnpike {
namespace {

template <class T>
std::vector<T> numbers(Index count, std::uint64_t seed) {
  Random random(seed, RandomPurpose::data);
  std::vector<T> values(static_cast<std::size_t>(count));
  for (T& value : values) {
    value = static_cast<T>(random.uniform(-0.5, 0.5));
  }
  return values;
}

/// A state in memory of a larger stride, with a guard behind each row.
template <class T>
struct Strided {
  static constexpr Index columns = 33;  // no multiple of any vector length
  static constexpr Index stride = 36;
  static constexpr T guard = T(12345);

  Index rows;
  std::vector<T> memory;

  Strided(Index n, std::uint64_t seed) : rows(n), memory(static_cast<std::size_t>(n * stride), guard) {
    matrix(tile()) = Eigen::Map<const State<T>>(numbers<T>(n * columns, seed).data(), n, columns);
  }
  [[nodiscard]] Tile<T> tile() { return {memory.data(), rows, columns, stride}; }
  [[nodiscard]] State<T> values() { return matrix(tile()); }
  [[nodiscard]] bool is_guarded() const {
    for (std::size_t i = 0; i < memory.size(); ++i) {
      if (static_cast<Index>(i) % stride >= columns && memory[i] != guard) {
        return false;
      }
    }
    return true;
  }
};

/// What `evaluate_add` and `pull_back_add` add is w F and F_XᵀΛ, also to their own arguments.
template <class T>
void check_sums(const VectorField<T>& field, T tolerance) {
  constexpr Index columns = Strided<T>::columns;
  const Index n = field.state_dimension();
  const Index n_u = field.layout().size();
  const std::vector<T> u = numbers<T>(n_u, 1);
  const std::vector<T> ubar_before = numbers<T>(n_u, 5);
  Strided<T> X(n, 2);
  Strided<T> Lambda(n, 3);
  Strided<T> Xdot(n, 6);
  Strided<T> Xbar(n, 6);
  Strided<T> work(n, 6);
  std::vector<T> record(static_cast<std::size_t>(field.record_size(columns)));
  std::vector<T> scratch(static_cast<std::size_t>(field.scratch_size(columns)));
  std::vector<T> ubar = ubar_before;
  field.evaluate(u.data(), X.tile(), Xdot.tile(), record.data(), scratch.data());
  field.pull_back(u.data(), record.data(), Lambda.tile(), Xbar.tile(), ubar.data(), scratch.data());

  const auto check = [&](Strided<T>& sum, const State<T>& expected) {
    CHECK((sum.values() - expected).cwiseAbs().maxCoeff() <= tolerance);
    CHECK(sum.is_guarded());
    CHECK(work.is_guarded());
  };
  for (const T w : {T(1), T(0.375)}) {
    CAPTURE(w);
    for (const bool in_place : {false, true}) {
      CAPTURE(in_place);
      std::fill(record.begin(), record.end(), T(7));
      Strided<T> sum(n, in_place ? 2 : 4);
      const State<T> expected = sum.values() + w * Xdot.values();
      field.evaluate_add(u.data(), in_place ? sum.tile() : X.tile(), w, sum.tile(), work.tile(),
                         record.data(), scratch.data());
      check(sum, expected);
    }
  }
  for (const bool in_place : {false, true}) {  // by the record that evaluate_add has left
    CAPTURE(in_place);
    Strided<T> sum(n, in_place ? 3 : 4);
    const State<T> expected = sum.values() + Xbar.values();
    std::vector<T> ubar_added = ubar_before;
    field.pull_back_add(u.data(), record.data(), in_place ? sum.tile() : Lambda.tile(), sum.tile(),
                        work.tile(), ubar_added.data(), scratch.data());
    check(sum, expected);
    CHECK(std::equal(ubar.begin(), ubar.end(), ubar_added.begin(),
                     [&](T a, T b) { return std::abs(a - b) <= tolerance; }));
  }
}

template <class T>
void check_fields(Index n, Index h, ProductPrecision products, T tolerance) {
  CAPTURE(n);
  for (const Activation outer : {Activation::identity, Activation::tanh, Activation::gelu}) {
    CAPTURE(name_of(outer));
    check_sums(*make_two_layer_field<T>(n, h, Activation::gelu, outer, products), tolerance);
    check_sums(*make_single_layer_field<T>(n, outer, products), tolerance);
  }
}

TEST_CASE("what a field adds is what it computes") {
  // Fused, by packs, by Eigen, and in float by oneDNN.
  for (const auto& [n, h] : {std::pair<Index, Index>{2, 40}, {5, 3}, {5, 40}, {70, 41}}) {
    check_fields<double>(n, h, ProductPrecision::full, 1e-13);
    check_fields<float>(n, h, ProductPrecision::full, 1e-4F);
  }
  const test::Bf16Environment emulated("emulate");
  for (const Index n : {5, 70}) {
    check_fields<float>(n, 41, ProductPrecision::bf16, 1e-4F);
  }
}

}  // namespace
}  // namespace turnpike
