#pragma once

#include <memory>
#include <vector>

#include "turnpike/integrator.hpp"

namespace turnpike::odeint {

/// Which error-controlled stepper of Boost.Odeint chooses the steps.
enum class Controller { dopri5, cash_karp54, fehlberg78 };

/// A controlled stepper on the state (x, q) of one tile: n·D entries and the running cost, which is under the
/// same error control. A step passes when max_i |e_i| / (atol + rtol (|y_i| + h |ẏ_i|)) ≤ 1.
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
  /// proposed next. y and its derivative have n·D + 1 entries.
  virtual bool try_step(const ControlledSystem<T>& system, T* record, std::vector<T>& y, T& t, T& h) = 0;
};

/// Throws nothing; rtol, atol > 0.
template <class T>
std::unique_ptr<ControlledStepper<T>> make_controlled_stepper(Controller controller, T rtol, T atol);

}  // namespace turnpike::odeint
