#include "routes/clusters.hpp"

#include "routes/performance_data.hpp"
#include "routes/state_line.hpp"

#include <algorithm>

namespace checkpg {

namespace {

/// The less the worse: a known outage comes before what isn't known.
int rank(RouteState state) noexcept {
    switch (state) {
    case RouteState::critical:
        return 0;
    case RouteState::unknown:
        return 1;
    case RouteState::warning:
        return 2;
    case RouteState::ok:
        break;
    }
    return 3;
}

bool is_worse(const ClusterRoutes& a, const ClusterRoutes& b) noexcept {
    return rank(a.routes.state) < rank(b.routes.state);
}

} // namespace

RouteState worst_state(const std::vector<ClusterRoutes>& clusters) noexcept {
    return std::min_element(clusters.begin(), clusters.end(), is_worse)->routes.state;
}

std::string clusters_text(std::vector<ClusterRoutes> clusters, bool colour, bool performance) {
    std::stable_sort(clusters.begin(), clusters.end(), is_worse);
    std::string data;
    for (const ClusterRoutes& one : clusters)
        if (const auto text =
                performance_data(one.routes, one.settings.rules, one.settings.cluster + "_");
            !text.empty())
            data += ' ' + text;
    std::string text;
    for (const ClusterRoutes& one : clusters) {
        const bool first = text.empty();
        text += state_line(one.routes, colour, one.settings.cluster + ": ");
        text += (first && performance && !data.empty() ? " |" + data : "") + '\n';
    }
    return text;
}

} // namespace checkpg
