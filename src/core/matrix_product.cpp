#include "core/matrix_product.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#ifdef TURNPIKE_ONEDNN
#include <dnnl.h>
#include <omp.h>
#endif

namespace turnpike::kernels {

namespace {

template <class T>
void multiply_by_eigen(Factor<T> A, Factor<T> B, Tile<T> C, Into into) {
  const auto a = matrix(A.stored);
  const auto b = matrix(B.stored);
  auto c = matrix(C);
  const auto assign = [&](const auto& product) {
    if (into == Into::add) {
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

/// The entries of a factor as floats, in memory of this thread that grows and is kept.
Factor<float> widened(std::size_t which, Factor<Bf16> factor) {
  thread_local std::array<std::vector<float>, 2> buffers;
  const ConstTile<Bf16>& stored = factor.stored;
  const auto size = static_cast<std::size_t>(stored.rows * stored.columns);
  std::vector<float>& buffer = buffers[which];
  buffer.resize(std::max(buffer.size(), size));
  std::transform(stored.data, stored.data + size, buffer.begin(), from_bf16);
  return {{buffer.data(), stored.rows, stored.columns, stored.columns}, factor.transposed};
}

#ifdef TURNPIKE_ONEDNN
void must(dnnl_status_t status) {
  if (status == dnnl_unimplemented) {
    throw std::runtime_error("oneDNN has no bf16 product on this processor; set run.precision = float");
  }
  if (status != dnnl_success) {
    throw std::runtime_error("oneDNN failed in a bf16 product (status " +
                             std::to_string(static_cast<int>(status)) + "); set run.precision = float");
  }
}

/// A handle of oneDNN with its destructor.
template <class Handle, dnnl_status_t (*destroy)(Handle)>
struct Owned {
  Handle handle = nullptr;
  Owned() = default;
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() {
    if (handle != nullptr) {
      destroy(handle);
    }
  }
};

struct Processor {
  Owned<dnnl_engine_t, dnnl_engine_destroy> engine;
  Owned<dnnl_stream_t, dnnl_stream_destroy> stream;
  Processor() {
    must(dnnl_engine_create(&engine.handle, dnnl_cpu, 0));
    must(dnnl_stream_create(&stream.handle, engine.handle, dnnl_stream_default_flags));
  }
};

/// Rows, columns and inner dimension, transpositions, the stride of C and accumulation.
using ProductShape = std::array<Index, 7>;

/// C (m×n, float) = A (m×k) B (k×n) of factors in bfloat16 without gaps, or C += A B, as a primitive of
/// oneDNN.
class PreparedProduct {
 public:
  PreparedProduct(const Processor& processor, const ProductShape& shape) {
    const auto [m, n, k, transposed_A, transposed_B, stride, accumulate] = shape;
    const auto describe = [](Index rows, Index columns, dnnl_data_type_t type, Index row_stride,
                             Index column_stride) {
      dnnl_memory_desc_t description{};
      const dnnl_dims_t dimensions = {rows, columns};
      const dnnl_dims_t strides = {row_stride, column_stride};
      must(dnnl_memory_desc_init_by_strides(&description, 2, dimensions, type, strides));
      return description;
    };
    const dnnl_memory_desc_t a =
        describe(m, k, dnnl_bf16, transposed_A != 0 ? 1 : k, transposed_A != 0 ? m : 1);
    const dnnl_memory_desc_t b =
        describe(k, n, dnnl_bf16, transposed_B != 0 ? 1 : n, transposed_B != 0 ? k : 1);
    const dnnl_memory_desc_t c = describe(m, n, dnnl_f32, stride, 1);
    dnnl_matmul_desc_t operation{};
    must(dnnl_matmul_desc_init(&operation, &a, &b, nullptr, &c));
    Owned<dnnl_primitive_attr_t, dnnl_primitive_attr_destroy> attributes;
    must(dnnl_primitive_attr_create(&attributes.handle));
    if (accumulate != 0) {
      Owned<dnnl_post_ops_t, dnnl_post_ops_destroy> sum;
      must(dnnl_post_ops_create(&sum.handle));
      must(dnnl_post_ops_append_sum(sum.handle, 1.0F));
      must(dnnl_primitive_attr_set_post_ops(attributes.handle, sum.handle));
    }
    Owned<dnnl_primitive_desc_t, dnnl_primitive_desc_destroy> description;
    must(dnnl_primitive_desc_create(&description.handle, &operation, attributes.handle,
                                    processor.engine.handle, nullptr));
    must(dnnl_primitive_create(&primitive_.handle, description.handle));
    must(dnnl_memory_create(&A_.handle, &a, processor.engine.handle, nullptr));
    must(dnnl_memory_create(&B_.handle, &b, processor.engine.handle, nullptr));
    must(dnnl_memory_create(&C_.handle, &c, processor.engine.handle, nullptr));
  }

  void execute(const Processor& processor, const Bf16* A, const Bf16* B, float* C) const {
    must(dnnl_memory_set_data_handle(A_.handle, const_cast<Bf16*>(A)));  // NOLINT: only read
    must(dnnl_memory_set_data_handle(B_.handle, const_cast<Bf16*>(B)));  // NOLINT: only read
    must(dnnl_memory_set_data_handle(C_.handle, C));
    const std::array<dnnl_exec_arg_t, 3> arguments = {
        {{DNNL_ARG_SRC, A_.handle}, {DNNL_ARG_WEIGHTS, B_.handle}, {DNNL_ARG_DST, C_.handle}}};
    must(dnnl_primitive_execute(primitive_.handle, processor.stream.handle, 3, arguments.data()));
    must(dnnl_stream_wait(processor.stream.handle));
  }

 private:
  Owned<dnnl_primitive_t, dnnl_primitive_destroy> primitive_;
  Owned<dnnl_memory_t, dnnl_memory_destroy> A_;
  Owned<dnnl_memory_t, dnnl_memory_destroy> B_;
  Owned<dnnl_memory_t, dnnl_memory_destroy> C_;
};

void multiply_by_onednn(Factor<Bf16> A, Factor<Bf16> B, Tile<float> C, Into into) {
  const OneThread one_thread;
  // A primitive works in memory of its own, so each thread has its primitives.
  thread_local const Processor processor;
  thread_local std::map<ProductShape, PreparedProduct> products;
  const ProductShape shape = {C.rows,
                              C.columns,
                              A.columns(),
                              A.transposed ? 1 : 0,
                              B.transposed ? 1 : 0,
                              C.stride,
                              into == Into::add ? 1 : 0};
  const PreparedProduct& product = products.try_emplace(shape, processor, shape).first->second;
  product.execute(processor, A.stored.data, B.stored.data, C.data);
}
#endif

template <class E, class T>
void check_shapes([[maybe_unused]] Factor<E> A, [[maybe_unused]] Factor<E> B, [[maybe_unused]] Tile<T> C) {
  assert(A.rows() == C.rows && B.columns() == C.columns && A.columns() == B.rows());
}

}  // namespace

void multiply(Factor<double> A, Factor<double> B, Tile<double> C, Into into) {
  check_shapes(A, B, C);
  multiply_by_eigen(A, B, C, into);
}

void multiply(Factor<float> A, Factor<float> B, Tile<float> C, Into into) {
  check_shapes(A, B, C);
#ifdef TURNPIKE_ONEDNN
  // Below, the call itself costs more than the product.
  constexpr Index large = 1 << 16;
  if (C.rows * C.columns * A.columns() >= large) {
    const OneThread one_thread;
    const dnnl_status_t status =
        dnnl_sgemm(A.transposed ? 'T' : 'N', B.transposed ? 'T' : 'N', C.rows, C.columns, A.columns(), 1.0F,
                   A.stored.data, A.stored.stride, B.stored.data, B.stored.stride,
                   into == Into::add ? 1.0F : 0.0F, C.data, C.stride);
    if (status == dnnl_success) {
      return;
    }
  }
#endif
  multiply_by_eigen(A, B, C, into);
}

void multiply(Factor<Bf16> A, Factor<Bf16> B, Tile<float> C, Into into, Bf16Products products) {
  check_shapes(A, B, C);
  assert(A.stored.stride == A.stored.columns && B.stored.stride == B.stored.columns);
  if (products == Bf16Products::emulated) {
    return multiply(widened(0, A), widened(1, B), C, into);
  }
#ifdef TURNPIKE_ONEDNN
  multiply_by_onednn(A, B, C, into);
#else
  throw std::runtime_error("this build has no oneDNN to multiply in bf16; set run.precision = float");
#endif
}

bool bf16_products_exist() {
#if defined(TURNPIKE_ONEDNN) && defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bf16") == 0) {
    return false;  // oneDNN would emulate it, at a cost
  }
  static const bool prepared = [] {
    try {
      const PreparedProduct product(Processor(), {64, 64, 64, 0, 0, 64, 0});
      return true;
    } catch (const std::runtime_error&) {
      return false;
    }
  }();
  return prepared;
#else
  return false;
#endif
}

const char* matrix_product_library() {
#ifdef TURNPIKE_ONEDNN
  static_assert(DNNL_VERSION_MAJOR == 2);  // version 3 has another interface
#define TURNPIKE_TEXT(x) #x
#define TURNPIKE_VERSION_TEXT(x, y, z) "oneDNN " TURNPIKE_TEXT(x) "." TURNPIKE_TEXT(y) "." TURNPIKE_TEXT(z)
  return TURNPIKE_VERSION_TEXT(DNNL_VERSION_MAJOR, DNNL_VERSION_MINOR, DNNL_VERSION_PATCH);
#else
  return "Eigen";
#endif
}

}  // namespace turnpike::kernels
