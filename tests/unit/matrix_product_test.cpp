#include "core/matrix_product.hpp"

#include <doctest/doctest.h>
#include <omp.h>

#include <cmath>
#include <vector>

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
        for (const bool accumulate : {false, true}) {
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
          multiply({A, transposed_A}, {B, transposed_B}, C, accumulate);
          double worst = 0;
          for (Index i = 0; i < m; ++i) {
            for (Index j = 0; j < n; ++j) {
              double sum = accumulate ? 0.5 : 0.0;
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

TEST_CASE("a product leaves the caller's number of threads alone") {
  const int before = omp_get_max_threads();
  const std::vector<float> a(64 * 64, 1.0F);
  std::vector<float> c(64 * 64);
  multiply(weights(a.data(), 64, 64), weights(a.data(), 64, 64), Tile<float>{c.data(), 64, 64, 64}, false);
  CHECK(c.front() == 64.0F);
  CHECK(omp_get_max_threads() == before);
}

}  // namespace
}  // namespace turnpike::kernels
