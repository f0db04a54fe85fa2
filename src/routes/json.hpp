#pragma once

#include "routes/clusters.hpp"
#include "routes/routing.hpp"

#include <string>
#include <vector>

namespace checkpg {

/// The routes as one JSON object, with the keys that checkpgroutes(1) documents: keys are only
/// ever added. Over several lines, or on one if `compact`; no line feed at its end.
std::string to_json(const Routes& routes, bool compact);

/// One object with the worst state, and in "clusters" an object for each, which begins with its
/// name.
std::string to_json(const std::vector<ClusterRoutes>& clusters);

} // namespace checkpg
