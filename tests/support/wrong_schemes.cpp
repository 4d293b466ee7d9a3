#include "wrong_schemes.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "explicit_rk/explicit_runge_kutta.hpp"
#include "explicit_rk/tableaus.hpp"

namespace turnpike::test {

namespace {

/// X⁺ = X + h F(X, u), q⁺ = q + h ℓ(X, u), with room for one mistake a subclass.
template <class T>
class Euler : public OneStepMethod<T> {
 public:
  [[nodiscard]] Footprint footprint(const ControlledSystem<T>& system) const override {
    return {.record = system.record_size(), .scratch = 2 * system.state_dimension() * system.columns()};
  }

  StepStatus step(const ControlledSystem<T>& system, T t, T h, Tile<T> X, T& cost, T* record,
                  T* scratch) const override {
    const Tile<T> K = slot(X, scratch, 0);
    const T running = system.evaluate(t, X, K, record);
    change_velocity(h, K);
    for (Index i = 0; i < X.rows; ++i) {
      for (Index d = 0; d < X.columns; ++d) {
        X(i, d) += h * K(i, d);
        change_state(X(i, d));
      }
    }
    cost += h * running;
    return {};
  }

  StepStatus step_pull_back(const ControlledSystem<T>& system, T /*t*/, T h, T mu, Tile<T> lambda, T* ubar,
                            const T* record, T* scratch) const override {
    const Tile<T> Lambda = slot(lambda, scratch, 0);
    const Tile<T> W = slot(lambda, scratch, 1);
    for (Index i = 0; i < lambda.rows; ++i) {
      for (Index d = 0; d < lambda.columns; ++d) {
        Lambda(i, d) = h * lambda(i, d);
      }
    }
    change_velocity(h, Lambda);  // its own transpose
    pull_back(system, record, Lambda, mu * h, W, ubar);
    for (Index i = 0; i < lambda.rows; ++i) {
      for (Index d = 0; d < lambda.columns; ++d) {
        lambda(i, d) = (lambda(i, d) + W(i, d)) * adjoint_factor();
      }
    }
    return {};
  }

 protected:
  virtual void change_velocity(T /*h*/, Tile<T> /*K*/) const {}
  virtual void change_state(T& /*x*/) const {}
  virtual void pull_back(const ControlledSystem<T>& system, const T* record, ConstTile<T> Lambda, T mu,
                         Tile<T> W, T* ubar) const {
    system.pull_back(record, Lambda, mu, W, ubar);
  }
  [[nodiscard]] virtual T adjoint_factor() const { return T(1); }

 private:
  static Tile<T> slot(const Tile<T>& like, T* scratch, Index i) {
    return {scratch + i * like.rows * like.columns, like.rows, like.columns, like.columns};
  }
};

template <class T>
class NoControlCost final : public Euler<T> {
  void pull_back(const ControlledSystem<T>& system, const T* record, ConstTile<T> Lambda, T mu, Tile<T> W,
                 T* ubar) const override {
    std::vector<T> gradient(static_cast<std::size_t>(W.rows * W.columns));
    const Tile<T> cost{gradient.data(), W.rows, W.columns, W.columns};
    system.cost_gradient(record, cost);
    system.apply_transposed(record, Lambda, W);
    for (Index i = 0; i < W.rows; ++i) {
      for (Index d = 0; d < W.columns; ++d) {
        W(i, d) += mu * cost(i, d);
      }
    }
    system.accumulate_control(record, Lambda, T(0), ubar);
  }
};

template <class T>
class InexactAdjoint final : public Euler<T> {
  [[nodiscard]] T adjoint_factor() const override {
    return std::is_same_v<T, float> ? T(1 + 1e-4) : T(1 + 1e-9);
  }
};

template <class T>
class NotANumberGradient final : public Euler<T> {
  [[nodiscard]] T adjoint_factor() const override { return std::numeric_limits<T>::quiet_NaN(); }
};

template <class T>
class Drifting final : public Euler<T> {
  void change_state(T& x) const override { x += T(1e-14); }
};

template <class T>
class Mixing final : public Euler<T> {
  void change_velocity(T h, Tile<T> K) const override {
    for (Index i = 0; i < K.rows; ++i) {
      T mean(0);
      for (Index d = 0; d < K.columns; ++d) {
        mean += K(i, d) / static_cast<T>(K.columns);
      }
      for (Index d = 0; d < K.columns; ++d) {
        K(i, d) += T(1e-3) * h * (mean - K(i, d));
      }
    }
  }
};

template <class T>
class Remembering final : public Euler<T> {
  void change_velocity(T h, Tile<T> K) const override {
    const T factor = ++steps_ % 3 == 0 ? T(1) + T(1e-3) * h : T(1);
    for (Index i = 0; i < K.rows; ++i) {
      std::for_each(K.row(i), K.row(i) + K.columns, [&](T& k) { k *= factor; });
    }
  }
  mutable int steps_ = 0;
};

IntegratorTraits named(const std::string& name, int order) {
  IntegratorTraits traits;
  traits.name = name;
  traits.order = order;
  traits.source = "wrong on purpose";
  return traits;
}

template <template <class> class Method>
void add(IntegratorRegistry& registry, const std::string& name) {
  registry.add(
      named(name, 1), [] { return std::make_unique<Method<float>>(); },
      [] { return std::make_unique<Method<double>>(); });
}

}  // namespace

IntegratorRegistry wrong_schemes() {
  IntegratorRegistry registry;

  ButcherTableau wrong_node = tableaus::kutta3();
  wrong_node.name = "wrong-node";
  wrong_node.A[1][0] = wrong_node.c[1] = 0.6;
  registry.add(wrong_node);

  ButcherTableau wrong_sums = tableaus::heun();
  wrong_sums.c[1] = 0.5;
  IntegratorTraits traits = named("wrong-row-sums", 2);
  traits.spurious_from = 2;
  registry.add(
      traits, [=] { return std::make_unique<ExplicitRungeKutta<float>>(wrong_sums); },
      [=] { return std::make_unique<ExplicitRungeKutta<double>>(wrong_sums); });

  add<NoControlCost>(registry, "no-control-cost");
  add<InexactAdjoint>(registry, "inexact-adjoint");
  add<NotANumberGradient>(registry, "nan-gradient");
  add<Drifting>(registry, "drifting");
  add<Mixing>(registry, "mixing");
  add<Remembering>(registry, "remembering");

  ButcherTableau boasting = tableaus::rk4();
  boasting.name = "boasting";
  boasting.order = 5;
  registry.add(boasting);

  ButcherTableau overconfident = tableaus::explicit_midpoint();
  overconfident.name = "overconfident";
  overconfident.spurious_from = std::numeric_limits<double>::infinity();
  registry.add(overconfident);

  registry.add(
      named("throwing", 1),
      [](const IntegratorOptions&) -> std::unique_ptr<IntervalMethod<float>> {
        throw std::runtime_error("no room for this scheme");
      },
      [](const IntegratorOptions&) -> std::unique_ptr<IntervalMethod<double>> {
        throw std::runtime_error("no room for this scheme");
      });
  return registry;
}

}  // namespace turnpike::test
