#include "turnpike/ensemble.hpp"

#include <fmt/format.h>

#include "turnpike/error.hpp"

namespace turnpike {

template <class T>
State<T> initial_state(const Dataset<T>& data, Index n) {
  if (n < data.feature_count()) {
    throw InputError(
        fmt::format("the state dimension {} is smaller than the number of features {}; raise "
                    "field.state or leave it unset",
                    n, data.feature_count()));
  }
  State<T> X = State<T>::Zero(n, data.size());
  X.topRows(data.feature_count()) = data.features;
  return X;
}

template State<float> initial_state(const Dataset<float>&, Index);
template State<double> initial_state(const Dataset<double>&, Index);

}  // namespace turnpike
