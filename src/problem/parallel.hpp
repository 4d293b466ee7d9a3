#pragma once

#include <exception>

#include "turnpike/ensemble.hpp"

namespace turnpike {

/// Runs body(i) for i < count on up to `threads` threads; the first exception by index is rethrown.
template <class Body>
void parallel_for(int threads, Index count, Body&& body) {
  if (threads <= 1 || count <= 1) {
    for (Index i = 0; i < count; ++i) {
      body(i);
    }
    return;
  }
  std::exception_ptr error;
  Index first = count;
#pragma omp parallel for schedule(static) num_threads(threads)
  for (Index i = 0; i < count; ++i) {
    try {
      body(i);
    } catch (...) {
#pragma omp critical(turnpike_parallel_error)
      if (i < first) {
        first = i;
        error = std::current_exception();
      }
    }
  }
  if (error) {
    std::rethrow_exception(error);
  }
}

}  // namespace turnpike
