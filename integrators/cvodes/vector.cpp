#include "cvodes/vector.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace turnpike::cvodes {

namespace {

/// What an N_Vector's `content` points to. The entries follow in the same block, on a cache line of their
/// own.
struct Content {
  Index length;
  Index columns;
  double* x;
};

constexpr std::size_t line = 64;
static_assert(sizeof(Content) <= line);

Content& content(N_Vector v) { return *static_cast<Content*>(v->content); }
Index length_of(N_Vector v) { return content(v).length; }

/// z_i = f(i) for every i; z may be one of the vectors that f reads.
template <class Function>
void map(N_Vector z, Function&& f) {
  double* const out = entries(z);
  const Index n = length_of(z);
#pragma omp simd
  for (Index i = 0; i < n; ++i) {
    out[i] = f(i);
  }
}

template <class Function>
double sum(Index n, Function&& f) {
  double total = 0;
#pragma omp simd reduction(+ : total)
  for (Index i = 0; i < n; ++i) {
    total += f(i);
  }
  return total;
}

void linear_sum(double a, N_Vector x, double b, N_Vector y, N_Vector z) {
  const double* const p = entries(x);
  const double* const q = entries(y);
  map(z, [=](Index i) { return a * p[i] + b * q[i]; });
}

void scale(double c, N_Vector x, N_Vector z) {
  const double* const p = entries(x);
  map(z, [=](Index i) { return c * p[i]; });
}

/// z = Σ_j c_j X_j for the first Count vectors, plus z itself when Add.
template <int Count, bool Add>
void combine(const double* c, N_Vector* X, N_Vector z) {
  const double* x[Count];
  double a[Count];
  for (int j = 0; j < Count; ++j) {
    x[j] = entries(X[j]);
    a[j] = c[j];
  }
  double* const out = entries(z);
  const Index n = length_of(z);
#pragma omp simd
  for (Index i = 0; i < n; ++i) {
    double value = Add ? out[i] : 0.0;
    for (int j = 0; j < Count; ++j) {
      value += a[j] * x[j][i];
    }
    out[i] = value;
  }
}

template <bool Add>
void combine_upto_four(int count, const double* c, N_Vector* X, N_Vector z) {
  switch (count) {
    case 1:
      return combine<1, Add>(c, X, z);
    case 2:
      return combine<2, Add>(c, X, z);
    case 3:
      return combine<3, Add>(c, X, z);
    default:
      return combine<4, Add>(c, X, z);
  }
}

/// X_0 may be z, no other X_j.
int linear_combination(int count, double* c, N_Vector* X, N_Vector z) {
  combine_upto_four<false>(std::min(count, 4), c, X, z);
  for (int j = 4; j < count; j += 4) {
    combine_upto_four<true>(std::min(count - j, 4), c + j, X + j, z);
  }
  return 0;
}

int scale_add_multi(int count, double* a, N_Vector x, N_Vector* Y, N_Vector* Z) {
  for (int j = 0; j < count; ++j) {
    linear_sum(a[j], x, 1.0, Y[j], Z[j]);
  }
  return 0;
}

int scale_vector_array(int count, double* c, N_Vector* X, N_Vector* Z) {
  for (int j = 0; j < count; ++j) {
    scale(c[j], X[j], Z[j]);
  }
  return 0;
}

double dot(N_Vector x, N_Vector y) {
  const double* const p = entries(x);
  const double* const q = entries(y);
  return sum(length_of(x), [=](Index i) { return p[i] * q[i]; });
}

int dot_multi(int count, N_Vector x, N_Vector* Y, double* dots) {
  for (int j = 0; j < count; ++j) {
    dots[j] = dot(x, Y[j]);
  }
  return 0;
}

double max_norm(N_Vector x) {
  const double* const p = entries(x);
  const Index n = length_of(x);
  double largest = 0;
#pragma omp simd reduction(max : largest)
  for (Index i = 0; i < n; ++i) {
    largest = std::abs(p[i]) > largest ? std::abs(p[i]) : largest;
  }
  return largest;
}

double minimum(N_Vector x) {
  const double* const p = entries(x);
  return *std::min_element(p, p + length_of(x));
}

/// Each column's weighted root mean square, and the largest of them: every sample meets the tolerance as if
/// it were alone.
double wrms_norm(N_Vector x, N_Vector w) {
  constexpr Index width = 64;
  const Index columns = content(x).columns;
  const Index rows = length_of(x) / columns;
  if (columns == 1) {
    const double* const p = entries(x);
    const double* const q = entries(w);
    return std::sqrt(sum(rows, [=](Index i) { return p[i] * q[i] * p[i] * q[i]; }) /
                     static_cast<double>(rows));
  }
  double largest = 0;
  bool finite = true;
  for (Index first = 0; first < columns; first += width) {
    const Index count = std::min(width, columns - first);
    double squares[width] = {};
    for (Index i = 0; i < rows; ++i) {
      const double* const p = entries(x) + i * columns + first;
      const double* const q = entries(w) + i * columns + first;
#pragma omp simd
      for (Index d = 0; d < count; ++d) {
        squares[d] += p[d] * q[d] * p[d] * q[d];
      }
    }
    for (Index d = 0; d < count; ++d) {
      largest = squares[d] > largest ? squares[d] : largest;
      finite = finite && squares[d] - squares[d] == 0;
    }
  }
  return finite ? std::sqrt(largest / static_cast<double>(rows)) : std::numeric_limits<double>::quiet_NaN();
}

N_Vector clone(N_Vector v);
void destroy(N_Vector v) {
  if (v != nullptr) {
    std::free(v->content);  // NOLINT(cppcoreguidelines-no-malloc): of std::aligned_alloc
    v->content = nullptr;
    N_VFreeEmpty(v);
  }
}

/// Gives `v` its content; false when there is no memory.
bool allocate(N_Vector v, Index length, Index columns) {
  const std::size_t bytes = (static_cast<std::size_t>(length) * sizeof(double) + line - 1) / line * line;
  auto* const block = static_cast<std::byte*>(std::aligned_alloc(line, line + bytes));
  if (block == nullptr) {
    return false;
  }
  auto* const x = reinterpret_cast<double*>(block + line);
  std::fill_n(x, length, 0.0);
  v->content = new (block) Content{length, columns, x};
  return true;
}

N_Vector clone(N_Vector v) {
  N_Vector copy = N_VNewEmpty(v->sunctx);
  if (copy != nullptr && (N_VCopyOps(v, copy) != 0 || !allocate(copy, length_of(v), content(v).columns))) {
    N_VFreeEmpty(copy);
    return nullptr;
  }
  return copy;
}

}  // namespace

double* entries(N_Vector v) { return content(v).x; }

double finiteness(const double* x, Index length) {
  return sum(length, [=](Index i) { return x[i] - x[i]; });
}

double root_mean_square(const double* x, Index length) {
  const double squares = sum(length, [=](Index i) { return x[i] * x[i]; });
  return length > 0 ? std::sqrt(squares / static_cast<double>(length)) : 0.0;
}

VectorPtr make_vector(Index rows, Index columns, SUNContext context) {
  N_Vector v = N_VNewEmpty(context);
  if (v == nullptr || !allocate(v, rows * columns, columns)) {
    N_VFreeEmpty(v);
    return nullptr;
  }
  N_Vector_Ops ops = v->ops;
  ops->nvgetvectorid = [](N_Vector) { return SUNDIALS_NVEC_CUSTOM; };
  ops->nvclone = clone;
  ops->nvdestroy = destroy;
  ops->nvgetlength = [](N_Vector x) { return static_cast<sunindextype>(length_of(x)); };
  ops->nvgetarraypointer = entries;
  ops->nvspace = [](N_Vector x, sunindextype* reals, sunindextype* integers) {
    *reals = length_of(x);
    *integers = 1;
  };
  ops->nvlinearsum = linear_sum;
  ops->nvscale = scale;
  ops->nvconst = [](double c, N_Vector z) { std::fill_n(entries(z), length_of(z), c); };
  ops->nvprod = [](N_Vector x, N_Vector y, N_Vector z) {
    const double* const p = entries(x);
    const double* const q = entries(y);
    map(z, [=](Index i) { return p[i] * q[i]; });
  };
  ops->nvdiv = [](N_Vector x, N_Vector y, N_Vector z) {
    const double* const p = entries(x);
    const double* const q = entries(y);
    map(z, [=](Index i) { return p[i] / q[i]; });
  };
  ops->nvabs = [](N_Vector x, N_Vector z) {
    const double* const p = entries(x);
    map(z, [=](Index i) { return std::abs(p[i]); });
  };
  ops->nvinv = [](N_Vector x, N_Vector z) {
    const double* const p = entries(x);
    map(z, [=](Index i) { return 1 / p[i]; });
  };
  ops->nvaddconst = [](N_Vector x, double b, N_Vector z) {
    const double* const p = entries(x);
    map(z, [=](Index i) { return p[i] + b; });
  };
  ops->nvdotprod = dot;
  ops->nvmaxnorm = max_norm;
  ops->nvmin = minimum;
  ops->nvwrmsnorm = wrms_norm;
  ops->nvlinearcombination = linear_combination;
  ops->nvscaleaddmulti = scale_add_multi;
  ops->nvdotprodmulti = dot_multi;
  ops->nvscalevectorarray = scale_vector_array;
  return VectorPtr(v);
}

}  // namespace turnpike::cvodes
