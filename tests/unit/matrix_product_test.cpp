#include "core/matrix_product.hpp"

#include <doctest/doctest.h>
#include <omp.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "core/bf16.hpp"
#include "sample_problem.hpp"

namespace turnpike::kernels {
namespace {

TEST_CASE_TEMPLATE("products with every transposition, stride and accumulation", T, float, double) {
  struct Shape {
    Index m, n, k;
  };
  for (const Shape shape : {Shape{1, 1, 1}, Shape{5, 7, 3}, Shape{128, 96, 200}, Shape{200, 33, 128}}) {
    const auto [m, n, k] = shape;
    for (const bool transposed_A : {false, true}) {
      for (const bool transposed_B : {false, true}) {
        for (const Into into : {Into::overwrite, Into::add}) {
          const auto factor = [](Index rows, Index columns, bool transposed, unsigned seed) {
            const Index stored_rows = transposed ? columns : rows;
            const Index stored_columns = transposed ? rows : columns;
            const Index stride = stored_columns + 5;
            const auto numbers =
                test::random_numbers(static_cast<std::size_t>(stored_rows * stride), 1, seed);
            return std::pair{std::vector<T>(numbers.begin(), numbers.end()),
                             ConstTile<T>{nullptr, stored_rows, stored_columns, stride}};
          };
          auto [a, A] = factor(m, k, transposed_A, 1);
          auto [b, B] = factor(k, n, transposed_B, 2);
          A.data = a.data();
          B.data = b.data();
          std::vector<T> c(static_cast<std::size_t>(m * (n + 3)), T(0.5));
          const Tile<T> C{c.data(), m, n, n + 3};
          multiply({A, transposed_A}, {B, transposed_B}, C, into);
          double worst = 0;
          for (Index i = 0; i < m; ++i) {
            for (Index j = 0; j < n; ++j) {
              double sum = into == Into::add ? 0.5 : 0.0;
              for (Index l = 0; l < k; ++l) {
                sum += static_cast<double>(transposed_A ? A(l, i) : A(i, l)) *
                       static_cast<double>(transposed_B ? B(j, l) : B(l, j));
              }
              worst = std::max(worst, std::abs(static_cast<double>(C(i, j)) - sum));
            }
            CHECK(C.data[i * C.stride + n] == T(0.5));  // beyond the columns nothing is written
          }
          CAPTURE(m);
          CHECK(worst < (std::is_same_v<T, float> ? 2e-5 : 1e-13));
        }
      }
    }
  }
}

TEST_CASE("floats become the bfloat16 number next to them, ties to even") {
  CHECK(from_bf16(to_bf16(1.0F)) == 1.0F);
  CHECK(from_bf16(to_bf16(-0.0F)) == 0.0F);
  CHECK(std::signbit(from_bf16(to_bf16(-0.0F))));
  constexpr float last = 0x1p-7F;  // the last of eight significant bits of 1
  CHECK(from_bf16(to_bf16(1 + 0.49F * last)) == 1.0F);
  CHECK(from_bf16(to_bf16(1 + 0.51F * last)) == 1 + last);
  CHECK(from_bf16(to_bf16(1 + 0.5F * last)) == 1.0F);
  CHECK(from_bf16(to_bf16(1 + 1.5F * last)) == 1 + 2 * last);
  CHECK(from_bf16(to_bf16(-1 - 1.5F * last)) == -1 - 2 * last);
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(from_bf16(to_bf16(infinity)) == infinity);
  CHECK(from_bf16(to_bf16(std::numeric_limits<float>::max())) == infinity);
  CHECK(from_bf16(to_bf16(std::numeric_limits<float>::denorm_min())) == 0);
  CHECK(std::isnan(from_bf16(to_bf16(std::numeric_limits<float>::quiet_NaN()))));
  CHECK(std::isnan(from_bf16(to_bf16(std::bit_cast<float>(0x7F800001U)))));
}

TEST_CASE("bf16 products are the exact products of rounded factors, summed in float") {
  std::vector<Bf16Products> kinds = {Bf16Products::emulated};
  if (bf16_products_exist()) {
    kinds.push_back(Bf16Products::native);
  }
  const Index n = 70;
  const Index k = 90;
  for (const Bf16Products products : kinds) {
    for (const Index m : {3, 130}) {
      for (const bool transposed_A : {false, true}) {
        for (const bool transposed_B : {false, true}) {
          for (const Into into : {Into::overwrite, Into::add}) {
            const auto numbers = test::random_numbers(static_cast<std::size_t>(k * (m + n)), 1, 7);
            const std::vector<float> values(numbers.begin(), numbers.end());
            std::vector<Bf16> memory(values.size());
            const auto rounded = [&](Index from, Index rows, Index columns, bool transposed) {
              const Index stored_columns = transposed ? rows : columns;
              const ConstTile<float> stored{values.data() + from, transposed ? columns : rows, stored_columns,
                                            stored_columns};
              return Factor<Bf16>{round_to_bf16(stored, memory.data() + from), transposed};
            };
            const Factor<Bf16> A = rounded(0, m, k, transposed_A);
            const Factor<Bf16> B = rounded(m * k, k, n, transposed_B);
            std::vector<float> c(static_cast<std::size_t>(m * (n + 2)), 0.5F);
            const Tile<float> C{c.data(), m, n, n + 2};
            multiply(A, B, C, into, products);
            double worst = 0;
            for (Index i = 0; i < m; ++i) {
              for (Index j = 0; j < n; ++j) {
                double sum = into == Into::add ? 0.5 : 0;
                for (Index l = 0; l < k; ++l) {
                  sum += static_cast<double>(from_bf16(transposed_A ? A.stored(l, i) : A.stored(i, l))) *
                         static_cast<double>(from_bf16(transposed_B ? B.stored(j, l) : B.stored(l, j)));
                }
                worst = std::max(worst, std::abs(static_cast<double>(C(i, j)) - sum));
              }
              CHECK(C.data[i * C.stride + n] == 0.5F);
            }
            CHECK(worst < 2e-5);
          }
        }
      }
    }
  }
}

TEST_CASE("a tile with gaps is rounded row by row without them") {
  const std::vector<float> values = {1.0F, 1 + 0x1p-8F, 7, 3, 1 + 0x3p-8F, 7};
  std::vector<Bf16> memory(4);
  const ConstTile<Bf16> rounded = round_to_bf16({values.data(), 2, 2, 3}, memory.data());
  CHECK(rounded.stride == 2);
  CHECK(from_bf16(rounded(0, 0)) == 1);
  CHECK(from_bf16(rounded(0, 1)) == 1);
  CHECK(from_bf16(rounded(1, 0)) == 3);
  CHECK(from_bf16(rounded(1, 1)) == 1 + 0x1p-6F);
}

TEST_CASE("a product leaves the caller's number of threads alone") {
  const int before = omp_get_max_threads();
  const std::vector<float> a(64 * 64, 1.0F);
  std::vector<float> c(64 * 64);
  multiply(weights(a.data(), 64, 64), weights(a.data(), 64, 64), Tile<float>{c.data(), 64, 64, 64},
           Into::overwrite);
  CHECK(c.front() == 64.0F);
  CHECK(omp_get_max_threads() == before);
}

}  // namespace
}  // namespace turnpike::kernels
