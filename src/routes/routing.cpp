#include "routes/routing.hpp"

#include "base/haproxy_error.hpp"
#include "base/printable.hpp"
#include "base/units.hpp"
#include "routes/frontends.hpp"
#include "routes/problems.hpp"
#include "routes/server_names.hpp"
#include "routes/server_view.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace checkpg {

namespace {

using Names = std::vector<std::string>;

bool contains(const Names& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

std::optional<BackendRole> role_of(const std::string& backend, const RouteRules& rules) {
    if (contains(rules.read_write, backend))
        return BackendRole::read_write;
    if (contains(rules.read_only, backend))
        return BackendRole::read_only;
    return std::nullopt;
}

/// HAProxy shows a server of weight 0 as UP and sends it nothing new.
bool is_serving(const StatRow& row) {
    const bool up = row.status.starts_with("UP") || row.status == "no check";
    return up && row.weight != 0;
}

RouteEntry entry_of(StatRow row, const RouteRules& rules) {
    RouteEntry entry;
    if (row.kind != StatRow::Kind::frontend)
        entry.role = role_of(row.proxy, rules);
    if (row.kind == StatRow::Kind::server && entry.role) {
        entry.check = last_check(row, *entry.role);
        entry.serving = is_serving(row);
    }
    entry.row = std::move(row);
    return entry;
}

Names names_of(const std::vector<StatRow>& rows, StatRow::Kind kind) {
    std::set<std::string> names;
    for (const StatRow& row : rows)
        if (row.kind == kind)
            names.insert(row.proxy);
    return {names.begin(), names.end()};
}

void refuse_missing(const Names& wanted, const Names& existing, std::string_view what) {
    constexpr std::size_t most_shown = 400;
    const std::string list =
        existing.empty() ? "none" : fmt::format("{}", fmt::join(existing, ", "));
    for (const std::string& name : wanted)
        if (!contains(existing, name))
            throw HaproxyError{fmt::format("HAProxy has no {} '{}'; it has: {}", what, name,
                                           printable(list, most_shown))};
}

/// Frontends and the named backends: other backends are none of ours.
std::vector<RouteEntry> entries_of(std::vector<StatRow> rows, const RouteRules& rules) {
    std::vector<RouteEntry> entries;
    entries.reserve(rows.size());
    for (StatRow& row : rows) {
        RouteEntry entry = entry_of(std::move(row), rules);
        if (entry.role || entry.row.kind == StatRow::Kind::frontend)
            entries.push_back(std::move(entry));
    }
    return entries;
}

/// HAProxy sends a backup server nothing while one of its backend that is none serves.
void spare_backups(std::vector<RouteEntry>& entries) {
    std::set<std::pair<std::string, StatRow::Number>> served;
    for (const RouteEntry& entry : entries)
        if (entry.serving && !entry.row.backup)
            served.emplace(entry.row.proxy, entry.row.process);
    for (RouteEntry& entry : entries)
        if (entry.serving && entry.row.backup &&
            served.contains({entry.row.proxy, entry.row.process})) {
            entry.serving = false;
            entry.spare = true;
        }
}

/// A server without an address is no trouble where others of its backend that are resolved from the
/// same name have theirs: it is a slot of a server-template that is not in use.
void mark_unused_slots(std::vector<RouteEntry>& entries) {
    std::set<std::tuple<std::string, StatRow::Number, std::string>> resolved;
    const auto template_of = [](const StatRow& row) {
        return std::tuple{row.proxy, row.process, row.resolved_from};
    };
    for (const RouteEntry& entry : entries)
        if (!entry.row.resolved_from.empty() && !is_without_address(entry.row))
            resolved.insert(template_of(entry.row));
    for (RouteEntry& entry : entries)
        entry.unused = is_without_address(entry.row) && resolved.contains(template_of(entry.row));
}

/// Puts servers on a list of names, but for those that are on it under another name.
class ServerList {
public:
    ServerList(Names& names, Names& notes) : names_{names}, notes_{notes} {}

    void add(const ServerView& server) {
        const auto address = server.address();
        if (!address.empty()) {
            const auto [known, is_new] = names_by_address_.try_emplace(address, server.name);
            if (!is_new) {
                notes_.push_back(fmt::format("{} and {} are one server, {}", known->second,
                                             server.name, address));
                return;
            }
        }
        names_.push_back(server.name);
    }

private:
    Names& names_;
    Names& notes_;
    std::map<std::string_view, std::string_view> names_by_address_;
};

void sort_servers(Routes& routes, const std::vector<ServerView>& servers) {
    ServerList primaries{routes.primaries, routes.notes};
    ServerList standbys{routes.standbys, routes.notes};
    for (const ServerView& server : servers) {
        if (server.serves(BackendRole::read_write))
            primaries.add(server);
        else if (server.serves(BackendRole::read_only))
            standbys.add(server);
        else if (server.serves_unchecked())
            routes.unchecked.push_back(server.name);
        else
            routes.idle.push_back(idle_server(server));
    }
}

void count_traffic(Routes& routes) {
    for (const RouteEntry& entry : routes.entries) {
        if (!entry.role)
            continue;
        routes.queued += entry.row.queued.value_or(0);
        if (entry.row.kind != StatRow::Kind::backend)
            continue;
        Traffic& traffic =
            *entry.role == BackendRole::read_write ? routes.read_write : routes.read_only;
        traffic.now += entry.row.sessions.value_or(0);
        traffic.most += entry.row.most_sessions.value_or(0);
    }
}

/// The sum of the limits of those entries that fulfil a condition; nothing if one has none.
template <typename Condition>
StatRow::Number sum_of_limits(const std::vector<RouteEntry>& entries, Condition condition) {
    StatRow::Number sum;
    for (const RouteEntry& entry : entries)
        if (condition(entry)) {
            if (entry.row.session_limit.value_or(0) <= 0)
                return std::nullopt;
            sum = sum.value_or(0) + *entry.row.session_limit;
        }
    return sum;
}

/// What the servers of this role take, or what its frontends do, if that is less.
void set_limit(Traffic& traffic, const std::vector<RouteEntry>& entries, BackendRole role,
               const Names& backends) {
    const auto of_servers = sum_of_limits(
        entries, [&](const RouteEntry& entry) { return entry.serving && entry.role == role; });
    const auto of_frontends = sum_of_limits(entries, [&](const RouteEntry& entry) {
        return entry.row.kind == StatRow::Kind::frontend && !entry.leads_elsewhere &&
               std::any_of(backends.begin(), backends.end(), [&](const std::string& backend) {
                   return leads_by_name(entry.row.proxy, backend);
               });
    });
    traffic.limit = of_servers && of_frontends ? std::min(of_servers, of_frontends)
                                               : (of_servers ? of_servers : of_frontends);
}

/// The time since the last change of those entries that fulfil a condition.
template <typename Condition>
StatRow::Number since_change(const std::vector<RouteEntry>& entries, Condition condition) {
    StatRow::Number least;
    for (const RouteEntry& entry : entries)
        if (condition(entry) && entry.row.since_change)
            least = std::min(least.value_or(*entry.row.since_change), *entry.row.since_change);
    return least;
}

/// What was so at HAProxy's start is known to be so after its first checks.
std::optional<TimeSpan> how_long(const Routes& routes, StatRow::Number uptime) {
    const auto writes = [&](const RouteEntry& entry, StatRow::Kind kind) {
        return entry.row.kind == kind && entry.role == BackendRole::read_write;
    };
    StatRow::Number seconds;
    if (routes.primaries.empty())
        seconds = since_change(routes.entries, [&](const RouteEntry& entry) {
            return writes(entry, StatRow::Kind::backend) && entry.row.status.starts_with("DOWN");
        });
    else if (routes.primaries.size() == 1)
        seconds = since_change(routes.entries, [&](const RouteEntry& entry) {
            return writes(entry, StatRow::Kind::server) && entry.serving;
        });
    if (!seconds || *seconds < 0)
        return std::nullopt;
    return TimeSpan{*seconds, uptime && *seconds + first_checks_take >= *uptime};
}

bool has_several_processes(const std::vector<StatRow>& rows) {
    return std::any_of(rows.begin(), rows.end(),
                       [&](const StatRow& row) { return row.process != rows.front().process; });
}

} // namespace

std::string_view words(RouteState state) noexcept {
    switch (state) {
    case RouteState::ok:
        return "ok";
    case RouteState::warning:
        return "warning";
    case RouteState::critical:
        return "critical";
    case RouteState::unknown:
        break;
    }
    return "unknown";
}

std::string words(TimeSpan span) {
    return fmt::format("for {}{}", span.at_least ? "at least " : "",
                       rough_duration(std::chrono::seconds{span.seconds}));
}

std::int64_t value_of(Measure measure, const Routes& routes) noexcept {
    switch (measure) {
    case Measure::standbys:
        return static_cast<std::int64_t>(routes.standbys.size());
    case Measure::sessions_read_write:
        return routes.read_write.now;
    case Measure::sessions_read_only:
        return routes.read_only.now;
    case Measure::queued:
        break;
    }
    return routes.queued;
}

Routes conclude(std::vector<StatRow> rows, const RouteRules& rules, StatRow::Number uptime) {
    const Names backends = names_of(rows, StatRow::Kind::backend);
    refuse_missing(rules.read_write, backends, "backend");
    refuse_missing(rules.read_only, backends, "backend");
    refuse_missing(rules.frontends, names_of(rows, StatRow::Kind::frontend), "frontend");
    Routes routes;
    routes.several_processes = has_several_processes(rows);
    routes.entries = entries_of(std::move(rows), rules);
    mark_frontends(routes.entries, backends, rules);
    spare_backups(routes.entries);
    mark_unused_slots(routes.entries);
    const auto servers = view_servers(routes.entries);
    sort_servers(routes, servers);
    count_traffic(routes);
    set_limit(routes.read_write, routes.entries, BackendRole::read_write, rules.read_write);
    set_limit(routes.read_only, routes.entries, BackendRole::read_only, rules.read_only);
    routes.role_since = how_long(routes, uptime);
    find_problems(routes, servers, rules, uptime);
    return routes;
}

void add_old_processes(Routes& routes, std::optional<std::vector<OldProcess>> old,
                       StatRow::Number uptime) {
    constexpr std::int64_t hour = 3600;
    routes.old_processes = std::move(old);
    if (!routes.old_processes) {
        routes.notes.emplace_back("whether HAProxy's older processes still have sessions can't be "
                                  "seen from here");
        return;
    }
    for (const OldProcess& process : *routes.old_processes) {
        const std::string who = fmt::format("HAProxy's old process {}, started {} ago", process.pid,
                                            rough_duration(std::chrono::seconds{process.age}));
        routes.notes.push_back(who + ", still has sessions, which are not counted here");
        if (uptime.value_or(0) < hour)
            continue;
        routes.problems.push_back({RouteState::warning,
                                   who + ", has not ended since the last reload",
                                   fmt::format("old process {}", process.pid)});
        routes.state = std::max(routes.state, RouteState::warning);
    }
}

Routes unknown_routes(std::string reason) {
    Routes routes;
    routes.state = RouteState::unknown;
    routes.problems.push_back({RouteState::unknown, reason, std::move(reason)});
    return routes;
}

} // namespace checkpg
