#include "odeint/step_sequence.hpp"

#include <boost/numeric/odeint/stepper/controlled_runge_kutta.hpp>
#include <boost/numeric/odeint/stepper/generation.hpp>
#include <boost/numeric/odeint/stepper/generation/make_controlled.hpp>
#include <boost/numeric/odeint/stepper/runge_kutta_cash_karp54.hpp>
#include <boost/numeric/odeint/stepper/runge_kutta_dopri5.hpp>
#include <boost/numeric/odeint/stepper/runge_kutta_fehlberg78.hpp>

namespace turnpike::odeint {

namespace {

namespace ode = boost::numeric::odeint;

template <class T, class ErrorStepper>
class Controlled final : public ControlledStepper<T> {
 public:
  Controlled(T rtol, T atol) : stepper_(ode::make_controlled(atol, rtol, ErrorStepper())) {}

  void reset() override {
    if constexpr (requires { stepper_.reset(); }) {
      stepper_.reset();  // of a method whose last stage is the next step's first
    }
  }

  bool try_step(const Derivative<T>& derivative, std::vector<T>& y, T& t, T& h) override {
    return stepper_.try_step(std::cref(derivative), y, t, h) == ode::success;
  }

 private:
  typename ode::result_of::make_controlled<ErrorStepper>::type stepper_;
};

}  // namespace

template <class T>
std::unique_ptr<ControlledStepper<T>> make_controlled_stepper(Controller controller, T rtol, T atol) {
  using State = std::vector<T>;
  switch (controller) {
    case Controller::dopri5:
      return std::make_unique<Controlled<T, ode::runge_kutta_dopri5<State, T, State, T>>>(rtol, atol);
    case Controller::cash_karp54:
      return std::make_unique<Controlled<T, ode::runge_kutta_cash_karp54<State, T, State, T>>>(rtol, atol);
    case Controller::fehlberg78:
      break;
  }
  return std::make_unique<Controlled<T, ode::runge_kutta_fehlberg78<State, T, State, T>>>(rtol, atol);
}

template std::unique_ptr<ControlledStepper<float>> make_controlled_stepper(Controller, float, float);
template std::unique_ptr<ControlledStepper<double>> make_controlled_stepper(Controller, double, double);

}  // namespace turnpike::odeint
