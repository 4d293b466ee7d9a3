#include "turnpike/plugin.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cfenv>
#include <cmath>
#include <exception>
#include <limits>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

#include "turnpike/error.hpp"

namespace turnpike {

namespace {

/// What `call` returns. An exception other than InputError becomes one that names the plug-in and says what
/// it was doing.
template <class Call>
auto guard(const std::string& file, const std::string& doing, Call&& call) {
  try {
    return call();
  } catch (const InputError&) {
    throw;
  } catch (const std::exception& error) {
    throw InputError(
        fmt::format("the plug-in '{}' threw while it {}: {}; mend it", file, doing, error.what()));
  } catch (...) {
    throw InputError(fmt::format("the plug-in '{}' threw while it {}; mend it", file, doing));
  }
}

/// `text` for as long as the program lives: a StepStatus refers to it. A method throws few different texts;
/// of more than a hundred the rest is not told.
const char* kept(const std::string& text) {
  constexpr std::size_t most = 100;
  static std::mutex mutex;
  static std::set<std::string> texts;
  const std::lock_guard lock(mutex);
  const auto found = texts.find(text);
  if (found == texts.end() && texts.size() == most) {
    return nullptr;
  }
  return texts.insert(text).first->c_str();
}

/// A user's method between guards: what it throws and what is not finite become a status, and leave state and
/// cost as they were.
template <class T>
class Guarded final : public IntervalMethod<T> {
 public:
  Guarded(std::unique_ptr<IntervalMethod<T>> inner, std::string file)
      : inner_(std::move(inner)), traits_(inner_->traits()), file_(std::move(file)) {}

  [[nodiscard]] const IntegratorTraits& traits() const override { return traits_; }
  [[nodiscard]] std::unique_ptr<IntervalMethod<T>> with_frozen_steps() const override {
    return guard(file_, fmt::format("froze the steps of '{}'", traits_.name),
                 [&]() -> std::unique_ptr<IntervalMethod<T>> {
                   auto frozen = inner_->with_frozen_steps();
                   return frozen ? std::make_unique<Guarded>(std::move(frozen), file_) : nullptr;
                 });
  }
  [[nodiscard]] std::unique_ptr<IntervalWorkspace> make_workspace(
      const ControlledSystem<T>& system) const override {
    auto workspace = std::make_unique<Workspace>();
    workspace->inner = guard(file_, fmt::format("set up memory for '{}'", traits_.name),
                             [&] { return inner_->make_workspace(system); });
    if (!workspace->inner) {
      throw InputError(
          fmt::format("the plug-in '{}' made no workspace for '{}'; return one, an IntervalWorkspace if "
                      "nothing is kept",
                      file_, traits_.name));
    }
    workspace->before.resize(system.state_dimension(), system.columns());
    return workspace;
  }

  StepStatus advance(const ControlledSystem<T>& system, T t_begin, T t_end, Tile<T> X, T& cost, Tape<T>* tape,
                     IntervalWorkspace& workspace) const override {
    const std::size_t steps = tape == nullptr ? 0 : tape->size();
    const StepStatus status = restoring(t_begin, t_end, X, cost, workspace, [&](IntervalWorkspace& inner) {
      return inner_->advance(system, t_begin, t_end, X, cost, tape, inner);
    });
    if (!status.ok() && tape != nullptr) {
      tape->truncate(steps);
    }
    return status;
  }

  StepStatus advance_visiting(const ControlledSystem<T>& system, T t_begin, T t_end, Tile<T> X, T& cost,
                              IntervalWorkspace& workspace, const StepVisitor<T>& visit) const override {
    const T slack = T(1e-3) * (t_end - t_begin);  // the last step may end beside t_end by rounding
    T last = t_begin;
    const StepVisitor<T> checked_visit = [&](T t, ConstTile<T> seen) {
      if (!(t > last && t <= t_end + slack) || seen.rows != X.rows || seen.columns != X.columns) {
        throw std::runtime_error(fmt::format(
            "advance_visiting showed {}×{} entries at t = {} where {}×{} between {} and {} were due",
            seen.rows, seen.columns, t, X.rows, X.columns, last, t_end));
      }
      last = t;
      visit(t, seen);
    };
    return restoring(t_begin, t_end, X, cost, workspace, [&](IntervalWorkspace& inner) {
      const StepStatus status =
          inner_->advance_visiting(system, t_begin, t_end, X, cost, inner, checked_visit);
      if (status.ok() && last < t_end - slack) {
        throw std::runtime_error(fmt::format("advance_visiting showed nothing after t = {}", last));
      }
      return status;
    });
  }

  StepStatus pull_back(const ControlledSystem<T>& system, T t_begin, T t_end, T mu, Tile<T> lambda, T* ubar,
                       std::span<const TapeStep<T>> steps, IntervalWorkspace& workspace) const override {
    try {
      const StepStatus status = inner_->pull_back(system, t_begin, t_end, mu, lambda, ubar, steps,
                                                  *static_cast<Workspace&>(workspace).inner);
      return status.ok() ? finite(lambda, T(0), t_begin, t_end) : status;
    } catch (...) {
      return thrown(t_begin, t_end);
    }
  }

 private:
  struct Workspace final : IntervalWorkspace {
    std::unique_ptr<IntervalWorkspace> inner;
    State<T> before;
  };

  static StepStatus failed(StepOutcome outcome, T t_begin, T t_end, Index column = -1) {
    return {outcome, static_cast<double>(t_begin), static_cast<double>(t_end - t_begin), column};
  }

  /// The status of the exception that is being handled.
  [[nodiscard]] StepStatus thrown(T t_begin, T t_end) const {
    StepStatus status = failed(StepOutcome::threw, t_begin, t_end);
    std::string what;
    try {
      throw;
    } catch (const std::exception& error) {
      what = fmt::format("the plug-in '{}' threw: {}; mend it", file_, error.what());
    } catch (...) {
      what = fmt::format("the plug-in '{}' threw what is no std::exception; mend it", file_);
    }
    status.detail = kept(what);
    return status;
  }

  template <class Call>
  StepStatus restoring(T t_begin, T t_end, Tile<T> X, T& cost, IntervalWorkspace& workspace,
                       Call&& call) const {
    auto& work = static_cast<Workspace&>(workspace);
    work.before = matrix(X);
    const T cost_before = cost;
    StepStatus status;
    try {
      status = call(*work.inner);
    } catch (...) {
      status = thrown(t_begin, t_end);
    }
    status = status.ok() ? finite(X, cost, t_begin, t_end) : status;
    if (!status.ok()) {
      matrix(X) = work.before;
      cost = cost_before;
    }
    return status;
  }

  static StepStatus finite(ConstTile<T> X, T cost, T t_begin, T t_end) {
    Index column = std::isfinite(cost) ? X.columns : -1;
    for (Index i = 0; i < X.rows; ++i) {
      const T* const wrong =
          std::find_if(X.row(i), X.row(i) + X.columns, [](T x) { return !std::isfinite(x); });
      column = std::min(column, wrong - X.row(i));
    }
    return column == X.columns ? StepStatus{} : failed(StepOutcome::not_finite, t_begin, t_end, column);
  }

  std::unique_ptr<IntervalMethod<T>> inner_;
  IntegratorTraits traits_;
  std::string file_;
};

template <class T>
IntegratorRegistry::Factory<T> guarded(IntegratorRegistry::Factory<T> make, const std::string& name,
                                       const std::string& file) {
  return [make = std::move(make), name, file](const IntegratorOptions& options) {
    return guard(file, fmt::format("made '{}'", name), [&]() -> std::unique_ptr<IntervalMethod<T>> {
      std::unique_ptr<IntervalMethod<T>> method = make ? make(options) : nullptr;
      if (!method) {
        throw InputError(
            fmt::format("the plug-in '{}' made no method for '{}' in {}; return one from its factory", file,
                        name, std::is_same_v<T, float> ? "float" : "double"));
      }
      return std::make_unique<Guarded<T>>(std::move(method), file);
    });
  };
}

/// Half the smallest normal number as this thread computes it: 0 where subnormal numbers are flushed.
double subnormal() {
  const volatile double smallest = std::numeric_limits<double>::min();
  const volatile double half = smallest / 2;
  return half;
}

}  // namespace

void load_plugin(const std::filesystem::path& file, IntegratorRegistry& registry) {
  std::error_code error;
  const std::string name = file.string();
  if (!std::filesystem::exists(file, error)) {
    throw InputError(fmt::format("there is no plug-in '{}'; check the path", name));
  }
  std::fenv_t arithmetic;
  std::fegetenv(&arithmetic);
  const double before = subnormal();
  // Without a slash the loader would look elsewhere.
  void* const object = dlopen(std::filesystem::absolute(file).c_str(), RTLD_NOW | RTLD_LOCAL);
  const bool arithmetic_changed = subnormal() != before;
  std::fesetenv(&arithmetic);
  if (object == nullptr) {
    const std::string reason = dlerror();
    const bool incomplete = reason.find("undefined symbol") != std::string::npos;
    throw InputError(fmt::format("the plug-in '{}' cannot be loaded: {}; {}", name, reason,
                                 incomplete ? "link it against turnpike::turnpike and what else it uses"
                                            : "build it as a shared object"));
  }
  if (arithmetic_changed) {
    throw InputError(fmt::format(
        "the plug-in '{}' was linked with -ffast-math, which makes the whole program round tiny numbers "
        "to zero; link it without",
        name));
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
