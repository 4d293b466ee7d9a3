#pragma once

#include <sundials/sundials_nvector.h>

#include <memory>

#include "turnpike/ensemble.hpp"

namespace turnpike::cvodes {

struct DestroyVector {
  void operator()(N_Vector v) const { N_VDestroy(v); }
};
using VectorPtr = std::unique_ptr<_generic_N_Vector, DestroyVector>;

/// A vector of rows·columns zeros whose operations are vectorized for this machine. A step of CVODES is some
/// forty operations on short vectors; those of SUNDIALS' serial vector, compiled for any processor, would
/// take most of its time. Its weighted norm is the largest of those of the columns, the samples, so that
/// every sample meets the tolerance. Null when there is no memory.
VectorPtr make_vector(Index rows, Index columns, SUNContext context);

/// The entries of a vector that `make_vector` or its clones made.
double* entries(N_Vector v);

/// Σ_i (x_i − x_i): 0 when all entries are finite, NaN otherwise.
double finiteness(const double* x, Index length);

/// The root mean square of the entries, 0 for none.
double root_mean_square(const double* x, Index length);

}  // namespace turnpike::cvodes
