#pragma once

#include "routes/options.hpp"
#include "routes/routing.hpp"

#include <string>
#include <vector>

namespace checkpg {

/// One cluster of several and what HAProxy does for it.
struct ClusterRoutes {
    RoutesSettings settings;
    Routes routes;
};

/// The worst state of all: critical, unknown, warning, ok. There is at least one.
RouteState worst_state(const std::vector<ClusterRoutes>& clusters) noexcept;

/// A state line for each, worst first. Behind the first one the performance data of all if
/// `performance` says so, each label with its cluster's name before it.
std::string clusters_text(std::vector<ClusterRoutes> clusters, bool colour, bool performance);

} // namespace checkpg
