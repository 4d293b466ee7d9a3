// A plug-in of another version.

#include "turnpike/plugin.hpp"

extern "C" const turnpike::PluginAbi turnpike_plugin_abi;
const turnpike::PluginAbi turnpike_plugin_abi{.seam = 999};
extern "C" void turnpike_plugin_register(turnpike::IntegratorRegistry& /*registry*/) {}
