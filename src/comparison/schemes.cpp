#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "comparison/solving.hpp"
#include "turnpike/error.hpp"

namespace turnpike {

namespace {

/// `base` with the scheme of an entry such as rk4:substeps=16 or dopri5:rtol=1e-8:atol=1e-10.
RunConfig with_entry(RunConfig base, const std::string& entry) {
  const std::vector<std::string> parts = comparison::split_at(entry, ':');
  if (parts.front().empty()) {
    throw InputError(fmt::format(
        "--integrators has an entry without a scheme, '{}'; write names separated by commas", entry));
  }
  base.integrator = {};
  base.integrator.name = parts.front();
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::string option = parts[i].substr(0, parts[i].find('='));
    const bool has_value = option.size() + 1 < parts[i].size();
    const std::vector<std::string> options = {"substeps", "rtol", "atol", "adjoint", "recovery"};
    if (!has_value || std::find(options.begin(), options.end(), option) == options.end()) {
      throw InputError(
          fmt::format("--integrators {}: '{}' is no option with a value; write NAME:option=value with one of "
                      "{}, e.g. rk4:substeps=16",
                      entry, parts[i], fmt::join(options, ", ")));
    }
    try {
      set_key(base, "integrator." + parts[i]);
    } catch (const InputError& error) {
      std::string what = error.what();
      constexpr std::string_view origin = "--set ";
      what.erase(0, what.rfind(origin, 0) == 0 ? origin.size() : 0);
      throw InputError(fmt::format("--integrators {}: {}", entry, what));
    }
  }
  return base;
}

}  // namespace

std::vector<ComparedScheme> compared_schemes(const RunConfig& base, std::string_view list,
                                             const IntegratorRegistry& integrators) {
  std::vector<ComparedScheme> schemes;
  for (const std::string& entry : comparison::split_at(list, ',')) {
    RunConfig config = with_entry(base, entry);
    try {
      check_config(config);
      (void)integrators.make<double>(config.integrator.name, integrator_options(config));
    } catch (const InputError& error) {
      throw InputError(fmt::format("--integrators {}: {}", entry, error.what()));
    }
    schemes.push_back({entry, std::move(config)});
  }
  return schemes;
}

}  // namespace turnpike
