#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "diagnostics/conformance_problem.hpp"
#include "turnpike/conformance.hpp"

/// What the parts of the conformance kit share: the scheme under test, and the list of verdicts.
namespace turnpike::conformance {

/// Which of a scheme's two ways to choose steps is being checked.
enum class Steps { equal, error_controlled };

/// The scheme under test.
class Subject {
 public:
  /// Throws InputError for an unknown name and for options that the scheme does not take.
  Subject(const IntegratorRegistry& integrators, std::string_view name, const ConformanceOptions& options);

  [[nodiscard]] const IntegratorTraits& traits() const { return traits_; }
  [[nodiscard]] const ConformanceOptions& options() const { return options_; }
  [[nodiscard]] const std::vector<Steps>& modes() const { return modes_; }
  /// Why the scheme cannot be made in double, or in float; empty when it can.
  [[nodiscard]] const std::string& refusal() const { return refusal_; }
  [[nodiscard]] const std::string& float_refusal() const { return float_refusal_; }
  /// Whether T is double, or float and the scheme has it.
  template <class T>
  [[nodiscard]] bool offers() const {
    return std::is_same_v<T, double> || float_refusal_.empty();
  }

  /// The scheme with `substeps` equal steps an interval.
  template <class T>
  [[nodiscard]] std::shared_ptr<const IntervalMethod<T>> equal_steps(Index substeps) const;
  /// The scheme under error control.
  template <class T>
  [[nodiscard]] std::shared_ptr<const IntervalMethod<T>> controlled(double rtol) const;
  /// The scheme as the checks that do not refine use it.
  template <class T>
  [[nodiscard]] std::shared_ptr<const IntervalMethod<T>> method(Steps steps) const;
  /// The same with frozen steps, so that differences see a smooth function.
  template <class T>
  [[nodiscard]] std::shared_ptr<const IntervalMethod<T>> frozen(Steps steps) const;
  /// The tolerance of `method<T>(Steps::error_controlled)`.
  template <class T>
  [[nodiscard]] double tolerance() const;

 private:
  template <class T>
  [[nodiscard]] std::shared_ptr<const IntervalMethod<T>> make(const IntegratorOptions& options) const;

  const IntegratorRegistry& integrators_;
  IntegratorTraits traits_;
  ConformanceOptions options_;
  std::vector<Steps> modes_;
  std::string refusal_;
  std::string float_refusal_;
};

/// What a check found.
struct Finding {
  ConformanceVerdict verdict = ConformanceVerdict::skipped;
  std::string figure;
};
Finding passed_if(bool passed, std::string figure);

/// Collects verdicts.
class Checklist {
 public:
  explicit Checklist(ConformanceReport& report) : report_(report) {}
  /// Runs one check; what it throws fails it.
  void run(std::string name, std::string explanation, const std::function<Finding()>& check);
  /// The same under the name of its way to choose steps: "-adaptive" is appended to error-controlled ones.
  void run(Steps steps, const std::string& name, std::string explanation,
           const std::function<Finding()>& check) {
    run(steps == Steps::equal ? name : name + "-adaptive", std::move(explanation), check);
  }

 private:
  ConformanceReport& report_;
};

// The parts of the kit; each adds its verdicts to the list.

void check_order(const Subject& subject, Checklist& list);
/// The order of the states alone, of equal steps. Throws what the scheme throws.
std::optional<double> state_order(const Subject& subject);
void check_tolerance(const Subject& subject, Checklist& list);
void check_adjoint(const Subject& subject, Steps steps, Checklist& list);
void check_zero_control(const Subject& subject, Steps steps, Checklist& list);
void check_equilibria(const Subject& subject, Steps steps, Checklist& list);
void check_spurious_fixed_points(const Subject& subject, Checklist& list);
void check_samples(const Subject& subject, Steps steps, Checklist& list);
void check_tiles(const Subject& subject, Steps steps, Checklist& list);
void check_purity(const Subject& subject, Steps steps, Checklist& list);
void check_precision(const Subject& subject, Steps steps, Checklist& list);
void check_failure(const Subject& subject, Steps steps, Checklist& list);

}  // namespace turnpike::conformance
