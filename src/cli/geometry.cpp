#include "turnpike/geometry.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "turnpike/error.hpp"

namespace turnpike::cli {

int geometry(const GeometryOptions& options) {
  constexpr Index most_classes = 10000;  // a search for each way to divide them
  if (options.classes > most_classes) {
    throw InputError(fmt::format("--classes {}; give at most {}", options.classes, most_classes));
  }
  const SoftCrossEntropyGeometry geometry(options.classes, options.p_d);
  if (options.samples < 1) {
    throw InputError(fmt::format("--samples {}; give at least 1", options.samples));
  }
  const auto D = static_cast<double>(options.samples);
  const std::vector<double> minimizer = geometry.minimizer(0);
  const std::vector<double> distances = {0.01, 0.1, 0.2, 0.5, 1, 2, 4, 8, 16};
  if (options.json) {
    nlohmann::ordered_json result = {{"classes", options.classes},
                                     {"p_d", options.p_d},
                                     {"delta", geometry.delta()},
                                     {"minimizer", {{"label", minimizer[0]}, {"others", minimizer[1]}}},
                                     {"curvature", geometry.curvature()},
                                     {"curvature_bound", geometry.curvature_bound()},
                                     {"samples", options.samples},
                                     {"bounds", nlohmann::ordered_json::array()}};
    for (const double s : distances) {
      result["bounds"].push_back({{"distance", s},
                                  {"sharp", geometry.sharp_bound(s)},
                                  {"tangent", geometry.tangent_bound(s)},
                                  {"closed", geometry.closed_bound(s)},
                                  {"stacked", geometry.closed_bound(s) / D}});
    }
    fmt::print("{}\n", result.dump(2));
    return 0;
  }
  fmt::print("soft cross-entropy, C = {}, p_d = {}\n", options.classes, options.p_d);
  fmt::print("minimizers X*_y = {{x : x_c = x_y + δ}}   δ = {:.7g}\n", geometry.delta());
  fmt::print("the one with 1ᵀx = 0                    {:.7g} at y, {:.7g} elsewhere\n", minimizer[0],
             minimizer[1]);
  fmt::print("λ_Ω, at least                           {:.7g}, {:.7g}\n\n", geometry.curvature(),
             geometry.curvature_bound());
  fmt::print("{:>8} {:>14} {:>14} {:>14} {:>14}\n", "s", "α*(s)", "tangent", "closed",
             fmt::format("α_D, D = {}", options.samples));
  for (const double s : distances) {
    fmt::print("{:>8} {:>14.7g} {:>14.7g} {:>14.7g} {:>14.7g}\n", s, geometry.sharp_bound(s),
               geometry.tangent_bound(s), geometry.closed_bound(s), geometry.closed_bound(s) / D);
  }
  return 0;
}

}  // namespace turnpike::cli
