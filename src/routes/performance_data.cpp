#include "routes/performance_data.hpp"

#include "routes/server_view.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace checkpg {

namespace {

/// Without a range of the caller's: what counts as trouble anyway.
std::string_view own_warning(Measure measure) noexcept {
    return measure == Measure::standbys ? "1:" : measure == Measure::queued ? "0" : "";
}

StatRow::Number most_standbys(const Routes& routes) {
    const auto servers = view_servers(routes.entries);
    const auto count = std::count_if(servers.begin(), servers.end(), [](const ServerView& server) {
        return std::any_of(
            server.entries.begin(), server.entries.end(),
            [](const RouteEntry* entry) { return entry->role == BackendRole::read_only; });
    });
    return count > 0 ? StatRow::Number{count} : std::nullopt;
}

StatRow::Number most(Measure measure, const Routes& routes) {
    switch (measure) {
    case Measure::standbys:
        return most_standbys(routes);
    case Measure::sessions_read_write:
        return routes.read_write.limit;
    case Measure::sessions_read_only:
        return routes.read_only.limit;
    case Measure::queued:
        break;
    }
    return std::nullopt;
}

} // namespace

std::string performance_data(const Routes& routes, const RouteRules& rules,
                             std::string_view prefix) {
    if (routes.state == RouteState::unknown)
        return {};
    std::string text = fmt::format("{}primaries={};1:1;1:1;0", prefix, routes.primaries.size());
    for (std::size_t i = 0; i < measure_names.size(); ++i) {
        const auto measure = static_cast<Measure>(i);
        const auto& warning = rules.warning.of(measure);
        const auto& critical = rules.critical.of(measure);
        const auto limit = most(measure, routes);
        text +=
            fmt::format(" {}{}={};{};{};0{}", prefix, measure_names[i], value_of(measure, routes),
                        warning ? warning->text : own_warning(measure),
                        critical ? critical->text : "", limit ? fmt::format(";{}", *limit) : "");
    }
    return text;
}

} // namespace checkpg
