#include "turnpike/plugin.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <memory>
#include <utility>

#include "turnpike/error.hpp"

namespace turnpike {

namespace {

/// A user's method between guards: what it throws and what is not finite become a status.
template <class T>
class Guarded final : public IntervalMethod<T> {
 public:
  explicit Guarded(std::unique_ptr<IntervalMethod<T>> inner) : inner_(std::move(inner)) {}

  [[nodiscard]] const IntegratorTraits& traits() const override { return inner_->traits(); }
  [[nodiscard]] std::unique_ptr<IntervalMethod<T>> with_frozen_steps() const override {
    auto frozen = inner_->with_frozen_steps();
    return frozen ? std::make_unique<Guarded>(std::move(frozen)) : nullptr;
  }
  [[nodiscard]] std::unique_ptr<IntervalWorkspace> make_workspace(
      const ControlledSystem<T>& system) const override {
    return inner_->make_workspace(system);
  }

  StepStatus advance(const ControlledSystem<T>& system, T t_begin, T t_end, Tile<T> X, T& cost, Tape<T>* tape,
                     IntervalWorkspace& workspace) const override {
    const StepStatus status = guard(
        t_begin, t_end, [&] { return inner_->advance(system, t_begin, t_end, X, cost, tape, workspace); });
    return status.ok() ? finite(X, cost, t_begin, t_end) : status;
  }

  StepStatus pull_back(const ControlledSystem<T>& system, T t_begin, T t_end, T mu, Tile<T> lambda, T* ubar,
                       std::span<const TapeStep<T>> steps, IntervalWorkspace& workspace) const override {
    const StepStatus status = guard(t_begin, t_end, [&] {
      return inner_->pull_back(system, t_begin, t_end, mu, lambda, ubar, steps, workspace);
    });
    return status.ok() ? finite(lambda, T(0), t_begin, t_end) : status;
  }

 private:
  template <class Call>
  static StepStatus guard(T t_begin, T t_end, Call&& call) {
    try {
      return call();
    } catch (...) {
      return {StepOutcome::threw, static_cast<double>(t_begin), static_cast<double>(t_end - t_begin), -1};
    }
  }

  static StepStatus finite(ConstTile<T> X, T cost, T t_begin, T t_end) {
    Index column = std::isfinite(cost) ? X.columns : -1;
    for (Index i = 0; i < X.rows; ++i) {
      const T* const wrong =
          std::find_if(X.row(i), X.row(i) + X.columns, [](T x) { return !std::isfinite(x); });
      column = std::min(column, wrong - X.row(i));
    }
    if (column == X.columns) {
      return {};
    }
    return {StepOutcome::not_finite, static_cast<double>(t_begin), static_cast<double>(t_end - t_begin),
            column};
  }

  std::unique_ptr<IntervalMethod<T>> inner_;
};

template <class T>
IntegratorRegistry::Factory<T> guarded(IntegratorRegistry::Factory<T> make, const std::string& name,
                                       const std::string& file) {
  return [make = std::move(make), name, file](const IntegratorOptions& options) {
    std::unique_ptr<IntervalMethod<T>> method;
    try {
      method = make ? make(options) : nullptr;
    } catch (const InputError&) {
      throw;
    } catch (const std::exception& error) {
      throw InputError(
          fmt::format("the plug-in '{}' threw while it made '{}': {}; mend it", file, name, error.what()));
    } catch (...) {
      throw InputError(fmt::format("the plug-in '{}' threw while it made '{}'; mend it", file, name));
    }
    if (!method) {
      throw InputError(
          fmt::format("the plug-in '{}' made no method for '{}' in {}; return one from its factory", file,
                      name, std::is_same_v<T, float> ? "float" : "double"));
    }
    return std::unique_ptr<IntervalMethod<T>>(std::make_unique<Guarded<T>>(std::move(method)));
  };
}

}  // namespace

void load_plugin(const std::filesystem::path& file, IntegratorRegistry& registry) {
  std::error_code error;
  const std::string name = file.string();
  if (!std::filesystem::exists(file, error)) {
    throw InputError(fmt::format("there is no plug-in '{}'; check the path", name));
  }
  // Without a slash the loader would look elsewhere.
  void* const object = dlopen(std::filesystem::absolute(file).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (object == nullptr) {
    throw InputError(
        fmt::format("the plug-in '{}' cannot be loaded: {}; build it as a shared object", name, dlerror()));
  }
  const auto* const abi = static_cast<const PluginAbi*>(dlsym(object, "turnpike_plugin_abi"));
  void* const symbol = dlsym(object, "turnpike_plugin_register");
  if (abi == nullptr || symbol == nullptr) {
    throw InputError(
        fmt::format("'{}' is no plug-in: it exports no {}; open its registering function with "
                    "TURNPIKE_PLUGIN of turnpike/plugin.hpp",
                    name, abi == nullptr ? "turnpike_plugin_abi" : "turnpike_plugin_register"));
  }
  if (!(*abi == PluginAbi{})) {
    throw InputError(
        fmt::format("the plug-in '{}' was built for another version of turnpike or by another "
                    "compiler (interface {}, compiler {}; here {} and {}); build it anew",
                    name, abi->seam, abi->compiler_major, PluginAbi{}.seam, PluginAbi{}.compiler_major));
  }
  IntegratorRegistry own;
  try {
    reinterpret_cast<void (*)(IntegratorRegistry&)>(symbol)(own);
  } catch (const std::exception& thrown) {
    throw InputError(fmt::format("the plug-in '{}' failed to register its schemes: {}", name, thrown.what()));
  } catch (...) {
    throw InputError(fmt::format("the plug-in '{}' failed to register its schemes: it threw; mend it", name));
  }
  if (own.names().empty()) {
    throw InputError(fmt::format("the plug-in '{}' registers no scheme; add one to the registry", name));
  }
  IntegratorRegistry with_plugin = registry;
  for (const std::string& scheme : own.names()) {
    const IntegratorRegistry::Entry& entry = own.find(scheme);
    try {
      with_plugin.add(entry.traits, guarded<float>(entry.make_float, scheme, name),
                      guarded<double>(entry.make_double, scheme, name));
    } catch (const InputError& refused) {
      throw InputError(fmt::format("the plug-in '{}' is refused: {}", name, refused.what()));
    }
  }
  registry = std::move(with_plugin);
}

}  // namespace turnpike
