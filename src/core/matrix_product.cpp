#include "core/matrix_product.hpp"

#include <Eigen/Core>
#include <cassert>

#ifdef TURNPIKE_ONEDNN
#include <dnnl.h>
#include <omp.h>
#endif

namespace turnpike::kernels {

namespace {

template <class T>
void multiply_by_eigen(Factor<T> A, Factor<T> B, Tile<T> C, bool accumulate) {
  const auto a = matrix(A.stored);
  const auto b = matrix(B.stored);
  auto c = matrix(C);
  const auto assign = [&](const auto& product) {
    if (accumulate) {
      c.noalias() += product;
    } else {
      c.noalias() = product;
    }
  };
  if (A.transposed && B.transposed) {
    assign(a.transpose() * b.transpose());
  } else if (A.transposed) {
    assign(a.transpose() * b);
  } else if (B.transposed) {
    assign(a * b.transpose());
  } else {
    assign(a * b);
  }
}

#ifdef TURNPIKE_ONEDNN
/// Keeps oneDNN on the calling thread while it lives: the tiles have the threads.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;
  ~OneThread() { omp_set_num_threads(before_); }

 private:
  int before_;
};
#endif

template <class T>
void check_shapes([[maybe_unused]] Factor<T> A, [[maybe_unused]] Factor<T> B, [[maybe_unused]] Tile<T> C) {
  assert(A.rows() == C.rows && B.columns() == C.columns && A.columns() == B.rows());
}

}  // namespace

void multiply(Factor<double> A, Factor<double> B, Tile<double> C, bool accumulate) {
  check_shapes(A, B, C);
  multiply_by_eigen(A, B, C, accumulate);
}

void multiply(Factor<float> A, Factor<float> B, Tile<float> C, bool accumulate) {
  check_shapes(A, B, C);
#ifdef TURNPIKE_ONEDNN
  // Below, the call itself costs more than the product.
  constexpr Index large = 1 << 16;
  if (C.rows * C.columns * A.columns() >= large) {
    const OneThread one_thread;
    const dnnl_status_t status =
        dnnl_sgemm(A.transposed ? 'T' : 'N', B.transposed ? 'T' : 'N', C.rows, C.columns, A.columns(), 1.0F,
                   A.stored.data, A.stored.stride, B.stored.data, B.stored.stride, accumulate ? 1.0F : 0.0F,
                   C.data, C.stride);
    if (status == dnnl_success) {
      return;
    }
  }
#endif
  multiply_by_eigen(A, B, C, accumulate);
}

const char* matrix_product_library() {
#ifdef TURNPIKE_ONEDNN
  static_assert(DNNL_VERSION_MAJOR >= 2);
#define TURNPIKE_TEXT(x) #x
#define TURNPIKE_VERSION_TEXT(x, y, z) "oneDNN " TURNPIKE_TEXT(x) "." TURNPIKE_TEXT(y) "." TURNPIKE_TEXT(z)
  return TURNPIKE_VERSION_TEXT(DNNL_VERSION_MAJOR, DNNL_VERSION_MINOR, DNNL_VERSION_PATCH);
#else
  return "Eigen";
#endif
}

}  // namespace turnpike::kernels
