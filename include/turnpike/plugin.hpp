#pragma once

#include <cstdint>
#include <filesystem>

#include "turnpike/butcher_tableau.hpp"
#include "turnpike/integrator.hpp"

/// Integrators from shared objects. A plug-in is a shared object with one function that registers schemes:
///
///     #include "turnpike/plugin.hpp"
///     TURNPIKE_PLUGIN(registry) { registry.add(my_tableau()); }
///
/// built by the compiler and with the headers of the program that loads it, which is checked.
namespace turnpike {

/// What a plug-in and its host have to agree on: objects cross between them.
struct PluginAbi {
  std::uint32_t seam =
      3;  ///< counts changes of what integrator.hpp, tape.hpp, ensemble.hpp and butcher_tableau.hpp declare
  std::uint32_t compiler_major = __GNUC__;
  std::uint32_t string_abi = _GLIBCXX_USE_CXX11_ABI;
  std::uint32_t registry_size = sizeof(IntegratorRegistry);
  std::uint32_t traits_size = sizeof(IntegratorTraits);
  std::uint32_t options_size = sizeof(IntegratorOptions);
  std::uint32_t status_size = sizeof(StepStatus);
  std::uint32_t tableau_size = sizeof(ButcherTableau);
  std::uint32_t tape_size = sizeof(Tape<double>);
  std::uint32_t step_size = sizeof(TapeStep<double>);
  std::uint32_t tile_size = sizeof(Tile<double>);
  std::uint32_t footprint_size = sizeof(Footprint);

  friend bool operator==(const PluginAbi&, const PluginAbi&) = default;
};

/// Adds the schemes of the shared object `file` to `registry`. They are guarded: a step that throws or
/// returns NaN ends in a status. The object stays loaded as long as the process lives. Throws InputError, and
/// leaves the registry as it was, when the file is no shared object, no plug-in, built for another version or
/// by another compiler or with -ffast-math, when a scheme's name is taken or its traits are impossible, or
/// when its registration throws.
void load_plugin(const std::filesystem::path& file, IntegratorRegistry& registry);

}  // namespace turnpike

/// Opens the definition of a plug-in's registering function, whose parameter is called `registry`. A macro,
/// because the two symbols have to be exported under names known beforehand.
#define TURNPIKE_PLUGIN(registry)                                                                  \
  extern "C" __attribute__((visibility("default"))) const turnpike::PluginAbi turnpike_plugin_abi; \
  const turnpike::PluginAbi turnpike_plugin_abi{};                                                 \
  extern "C" __attribute__((visibility("default"))) void turnpike_plugin_register(                 \
      turnpike::IntegratorRegistry& registry)
