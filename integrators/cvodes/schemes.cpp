#include "cvodes/schemes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/tolerances.hpp"
#include "cvodes/interval_solver.hpp"
#include "turnpike/error.hpp"

namespace turnpike::cvodes {

namespace {

/// One tape step an interval: X (n×D) where the interval begins.
class Multistep final : public IntervalMethod<double> {
 public:
  Multistep(IntegratorTraits traits, Formula formula, Tolerances<double> tolerances)
      : traits_(std::move(traits)), formula_(formula), tolerances_(tolerances) {}

  [[nodiscard]] const IntegratorTraits& traits() const override { return traits_; }

  [[nodiscard]] std::unique_ptr<IntervalWorkspace> make_workspace(
      const ControlledSystem<double>& system) const override {
    return std::make_unique<IntervalSolver>(formula_, tolerances_, system);
  }

  StepStatus advance(const ControlledSystem<double>& system, double t_begin, double t_end, Tile<double> X,
                     double& cost, Tape<double>* tape, IntervalWorkspace& workspace) const override {
    if (tape != nullptr) {
      double* const kept = tape->push(t_begin, t_end - t_begin, X.rows * X.columns);
      for (Index i = 0; i < X.rows; ++i) {
        std::copy_n(X.row(i), X.columns, kept + i * X.columns);
      }
    }
    const StepStatus status =
        static_cast<IntervalSolver&>(workspace).advance(system, t_begin, t_end, X, cost);
    if (!status.ok() && tape != nullptr) {
      tape->pop();
    }
    return status;
  }

  StepStatus advance_visiting(const ControlledSystem<double>& system, double t_begin, double t_end,
                              Tile<double> X, double& cost, IntervalWorkspace& workspace,
                              const StepVisitor<double>& visit) const override {
    return static_cast<IntervalSolver&>(workspace).advance(system, t_begin, t_end, X, cost, visit);
  }

  StepStatus pull_back(const ControlledSystem<double>& system, double t_begin, double t_end, double mu,
                       Tile<double> lambda, double* ubar, std::span<const TapeStep<double>> steps,
                       IntervalWorkspace& workspace) const override {
    return static_cast<IntervalSolver&>(workspace).pull_back(system, t_begin, t_end, mu, steps.front().record,
                                                             lambda, ubar);
  }

 private:
  IntegratorTraits traits_;
  Formula formula_;
  Tolerances<double> tolerances_;
};

void check_options(const IntegratorTraits& traits, const IntegratorOptions& options) {
  if (options.substeps) {
    throw InputError(fmt::format(
        "integrator.substeps is set, but '{}' chooses its steps; set integrator.rtol instead", traits.name));
  }
  if (options.adjoint.value_or(traits.adjoint) != traits.adjoint) {
    throw InputError(
        fmt::format("integrator.adjoint = discrete, but '{}' has the continuous adjoint only; leave "
                    "integrator.adjoint unset",
                    traits.name));
  }
  if (options.recovery == Recovery::bisect) {
    throw InputError(
        fmt::format("integrator.recovery = bisect, but '{}' chooses its steps; leave it unset", traits.name));
  }
}

void add(IntegratorRegistry& registry, IntegratorTraits traits, Formula formula) {
  traits.source = "Hindmarsh et al., SUNDIALS, ACM TOMS 31 (2005) 363; Serban, Hindmarsh, CVODES (2005)";
  traits.adjoint = AdjointKind::continuous;
  traits.implicit = true;
  traits.adaptive = true;
  traits.fixed_steps = false;
  traits.double_only = true;
  registry.add(
      traits,
      [traits](const IntegratorOptions&) -> std::unique_ptr<IntervalMethod<float>> {
        throw InputError(fmt::format("'{}' works in double only; set run.precision = double", traits.name));
      },
      [traits, formula](const IntegratorOptions& options) {
        check_options(traits, options);
        return std::make_unique<Multistep>(traits, formula, checked_tolerances<double>(traits, options));
      });
}

}  // namespace

void add_bdf(IntegratorRegistry& registry) {
  IntegratorTraits traits;
  traits.name = "cvodes-bdf";
  traits.order = 5;
  add(registry, traits, Formula::bdf);
}

void add_adams(IntegratorRegistry& registry) {
  IntegratorTraits traits;
  traits.name = "cvodes-adams";
  traits.order = 12;
  add(registry, traits, Formula::adams);
}

}  // namespace turnpike::cvodes
