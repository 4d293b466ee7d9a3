#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "turnpike/integrator.hpp"

namespace turnpike::odeint {

/// Which error-controlled stepper of Boost.Odeint chooses the steps.
enum class Controller { dopri5, cash_karp54, fehlberg78 };

/// ẏ from y and t.
template <class T>
using Derivative = std::function<void(const std::vector<T>& y, std::vector<T>& ydot, T t)>;

/// The derivative of y = (x, q), the state of one tile and its running cost: n·D + 1 entries. `record` is the
/// system's to write to; both outlive the result.
template <class T>
Derivative<T> derivative_of(const ControlledSystem<T>& system, T* record) {
  return [&system, record](const std::vector<T>& y, std::vector<T>& ydot, T t) {
    const Index n = system.state_dimension();
    const Index columns = system.columns();
    ydot.back() =
        system.evaluate(t, {y.data(), n, columns, columns}, {ydot.data(), n, columns, columns}, record);
  };
}

/// A controlled stepper. A step passes when max_i |e_i| / (atol + rtol (|y_i| + h |ẏ_i|)) ≤ 1.
template <class T>
class ControlledStepper {
 public:
  ControlledStepper() = default;
  ControlledStepper(const ControlledStepper&) = delete;
  ControlledStepper& operator=(const ControlledStepper&) = delete;
  virtual ~ControlledStepper() = default;

  /// Forgets what was kept of earlier steps; u jumps.
  virtual void reset() = 0;
  /// Tries a step from t of size h. When it passes, y and t advance; in either case h becomes the size
  /// proposed next.
  virtual bool try_step(const Derivative<T>& derivative, std::vector<T>& y, T& t, T& h) = 0;
};

/// Throws nothing; rtol, atol > 0.
template <class T>
std::unique_ptr<ControlledStepper<T>> make_controlled_stepper(Controller controller, T rtol, T atol);

}  // namespace turnpike::odeint
