#include "cli/plugins.hpp"

#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "turnpike/conformance.hpp"
#include "turnpike/error.hpp"
#include "turnpike/plugin.hpp"

namespace turnpike::cli {

namespace {

/// The order that a scheme declares beside the one with which it converges, looked at once.
class DeclaredOrder {
 public:
  DeclaredOrder(std::string file, std::string scheme, std::shared_ptr<const IntegratorRegistry> integrators)
      : file_(std::move(file)), scheme_(std::move(scheme)), integrators_(std::move(integrators)) {}

  /// Throws InputError when the order observed is another by more than a half.
  void check() {
    std::call_once(measured_, [&] { observed_ = observed_order(*integrators_, scheme_); });
    const int declared = integrators_->find(scheme_).traits.order;
    if (observed_ && std::abs(*observed_) < 0.25) {
      throw InputError(fmt::format(
          "the error of '{1}' of the plug-in '{0}' does not fall with more steps an interval; heed "
          "options.substeps, as `equal_substeps` gives them, or declare traits.fixed_steps = false",
          file_, scheme_));
    }
    if (observed_ && std::abs(*observed_ - declared) > 0.5) {
      throw InputError(fmt::format(
          "the plug-in '{0}' says that '{1}' has order {2}, but it converges with order {3:.2f}; correct the "
          "scheme or its traits, `turnpike check-integrator {1} --plugin {0}` tells more",
          file_, scheme_, declared, *observed_));
    }
  }

 private:
  std::string file_;
  std::string scheme_;
  std::shared_ptr<const IntegratorRegistry> integrators_;
  std::once_flag measured_;
  std::optional<double> observed_;
};

template <class T>
IntegratorRegistry::Factory<T> checked(std::shared_ptr<DeclaredOrder> order,
                                       IntegratorRegistry::Factory<T> make) {
  return [order = std::move(order), make = std::move(make)](const IntegratorOptions& options) {
    std::unique_ptr<IntervalMethod<T>> method = make(options);  // what is wrong with it comes first
    order->check();
    return method;
  };
}

}  // namespace

void add_plugin(const std::string& file, bool measured, IntegratorRegistry& integrators) {
  const std::size_t before = integrators.names().size();
  const auto loaded = std::make_shared<IntegratorRegistry>(integrators);
  load_plugin(file, *loaded);
  if (!measured) {
    integrators = *loaded;
    return;
  }
  const std::vector<std::string> names = loaded->names();
  for (std::size_t i = before; i < names.size(); ++i) {
    const IntegratorRegistry::Entry& entry = loaded->find(names[i]);
    const auto order = std::make_shared<DeclaredOrder>(file, names[i], loaded);
    integrators.add(entry.traits, checked<float>(order, entry.make_float),
                    checked<double>(order, entry.make_double));
  }
}

}  // namespace turnpike::cli
