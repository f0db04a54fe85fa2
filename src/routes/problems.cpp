#include "routes/problems.hpp"

#include "base/exit_code.hpp"
#include "base/printable.hpp"
#include "base/units.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

namespace checkpg {

namespace {

/// In seconds after HAProxy's start. How long a check may take, HAProxy doesn't say: it is `inter`.
constexpr std::int64_t first_checks_take = 60;

/// The first few names: the text is for one line of a monitoring system.
std::string listed(const std::vector<std::string>& names) {
    constexpr std::size_t most = 4;
    const auto shown = static_cast<std::ptrdiff_t>(std::min(names.size(), most));
    std::string text = fmt::format("{}", fmt::join(names.begin(), names.begin() + shown, ", "));
    if (names.size() > most)
        text += fmt::format(" and {} more", names.size() - most);
    return text;
}

class Findings {
public:
    Findings(Routes& routes, const std::vector<ServerView>& servers, const RouteRules& rules,
             StatRow::Number uptime)
        : routes_{routes}, servers_{servers}, rules_{rules}, uptime_{uptime},
          starting_{uptime && *uptime < first_checks_take} {}

    void all() {
        primaries();
        for (const RouteEntry& entry : routes_.entries)
            if (entry.row.kind == StatRow::Kind::frontend && entry.row.status != "OPEN")
                critical("frontend {} is not open ({})", entry.row.proxy, entry.row.status);
        if (routes_.standbys.empty() && !rules_.read_only.empty() &&
            !awaited(BackendRole::read_only))
            warning("no standby");
        empty_backends(BackendRole::read_write, RouteState::critical);
        empty_backends(BackendRole::read_only, RouteState::warning);
        if (starting_)
            first_checks();
        for (const IdleServer& server : routes_.idle)
            if (!server.by_role)
                warning("{}: {}", server.name, server.reason);
        for (const ServerView& server : servers_)
            look_at(server);
        for (const RouteEntry& entry : routes_.entries)
            look_at(entry);
        unused_slots();
    }

private:
    template <typename... Arguments>
    void critical(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
        add(RouteState::critical, fmt::format(format, std::forward<Arguments>(arguments)...));
    }

    template <typename... Arguments>
    void warning(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
        add(RouteState::warning, fmt::format(format, std::forward<Arguments>(arguments)...));
    }

    void add(RouteState state, std::string_view text) {
        routes_.problems.push_back({state, printable(text)});
    }

    void primaries() {
        const auto& names = routes_.primaries;
        if (names.size() > 1)
            critical("{} primaries: {}", names.size(), listed(names));
        else if (names.empty() && split_brain().size() > 0)
            critical("no primary: split brain between {}", listed(split_brain()));
        else if (names.empty() && !awaited(BackendRole::read_write))
            critical("no primary{}", why_idle([](const RouteEntry& entry) {
                         return entry.role == BackendRole::read_write;
                     }));
    }

    /// HAProxy has just started, and a first check may still find a server of this role.
    bool awaited(BackendRole role) const {
        return starting_ && std::any_of(routes_.entries.begin(), routes_.entries.end(),
                                        [&](const RouteEntry& entry) {
                                            return entry.role == role && entry.serves_unchecked();
                                        });
    }

    void first_checks() {
        const auto left =
            std::count_if(servers_.begin(), servers_.end(),
                          [](const ServerView& server) { return server.serves_unchecked(); });
        if (left > 0)
            warning("HAProxy started {} ago, {} not checked yet",
                    rough_duration(std::chrono::seconds{*uptime_}), left);
    }

    /// What no server of its role serves has been said without naming each backend.
    void empty_backends(BackendRole role, RouteState state) {
        if (!serving_in([&](const RouteEntry& entry) { return entry.role == role; }))
            return;
        for (const RouteEntry& backend : routes_.entries) {
            const auto in_it = [&](const RouteEntry& entry) {
                return entry.row.proxy == backend.row.proxy &&
                       entry.row.process == backend.row.process;
            };
            if (backend.row.kind == StatRow::Kind::backend && backend.role == role &&
                !serving_in(in_it))
                add(state, fmt::format("{} has no server that gets traffic{}{}", backend.row.proxy,
                                       in_process(backend.row), why_idle(in_it)));
        }
    }

    template <typename Condition>
    bool serving_in(Condition condition) const {
        return std::any_of(
            routes_.entries.begin(), routes_.entries.end(),
            [&](const RouteEntry& entry) { return entry.serving && condition(entry); });
    }

    std::string in_process(const StatRow& row) const {
        return routes_.several_processes ? fmt::format(" in process {}", row.process.value_or(0))
                                         : "";
    }

    std::vector<std::string> split_brain() const {
        std::vector<std::string> names;
        for (const IdleServer& server : routes_.idle)
            if (server.reason == words(ExitCode::split_brain))
                names.push_back(server.name);
        return names;
    }

    /// ": 3 standby, 1 timed out", why the servers of these lines get no traffic, or count as if.
    template <typename Condition>
    std::string why_idle(Condition condition) const {
        std::vector<std::pair<std::string, int>> counts;
        for (const RouteEntry& entry : routes_.entries) {
            if (entry.row.kind != StatRow::Kind::server || entry.unused || !condition(entry))
                continue;
            const std::string reason = entry.serving ? entry.check.words : idle_reason(entry);
            auto found = std::find_if(counts.begin(), counts.end(),
                                      [&](const auto& count) { return count.first == reason; });
            if (found == counts.end())
                found = counts.insert(counts.end(), {reason, 0});
            ++found->second;
        }
        std::string text;
        for (const auto& [reason, count] : counts)
            text += fmt::format("{}{} {}", text.empty() ? ": " : ", ", count, reason);
        return text;
    }

    void look_at(const ServerView& server) {
        if (in_both_roles(server))
            warning("{} serves both roles: it is in a read-only backend too", server.name);
        if (processes_disagree(server))
            warning("{}: HAProxy's processes disagree", server.name);
        if (serves(server))
            for (const RouteEntry* entry : server.entries)
                if (entry->row.status.starts_with("MAINT"))
                    routes_.notes.push_back(
                        fmt::format("{} is in maintenance in {}", server.name, entry->row.proxy));
    }

    static bool serves(const ServerView& server) {
        return server.serves(BackendRole::read_write) || server.serves(BackendRole::read_only);
    }

    /// A backup server of a read-only backend is there to be the primary when all else fails.
    static bool in_both_roles(const ServerView& server) {
        const auto serves_reads = [](const RouteEntry* entry) {
            return entry->serving && !entry->serves_unchecked() &&
                   entry->role == BackendRole::read_only && !entry->row.backup;
        };
        return server.serves(BackendRole::read_write) &&
               std::any_of(server.entries.begin(), server.entries.end(), serves_reads);
    }

    static bool processes_disagree(const ServerView& server) {
        std::map<std::string_view, bool> seen;
        return std::any_of(
            server.entries.begin(), server.entries.end(), [&](const RouteEntry* entry) {
                return seen.try_emplace(entry->row.proxy, entry->serving).first->second !=
                       entry->serving;
            });
    }

    void look_at(const RouteEntry& entry) {
        const StatRow& row = entry.row;
        if (entry.serves_unchecked() && !starting_)
            add(entry.role == BackendRole::read_write ? RouteState::critical : RouteState::warning,
                fmt::format("{} gets traffic and was not checked yet ({})", row.server, row.proxy));
        if (entry.serving && (entry.check.kind == LastCheck::Kind::failed ||
                              entry.check.kind == LastCheck::Kind::other_role))
            warning("{} is going down in {}: {}", row.server, row.proxy, entry.check.words);
        if (is_second_primary(entry))
            warning("{}: a backup that calls itself primary, too ({})", row.server, row.proxy);
        if (near_limit(row))
            warning("{}: {} of {} sessions", label(row), *row.sessions, *row.session_limit);
        if (entry.role && row.queued.value_or(0) > 0)
            warning("{}: {} queued", label(row), *row.queued);
    }

    void unused_slots() {
        std::vector<std::string> names;
        const auto is_server = [&](const std::string& name) {
            return std::any_of(servers_.begin(), servers_.end(),
                               [&](const ServerView& server) { return server.name == name; });
        };
        for (const RouteEntry& entry : routes_.entries)
            if (entry.unused && !is_server(entry.row.server) &&
                std::find(names.begin(), names.end(), entry.row.server) == names.end())
                names.push_back(entry.row.server);
        if (!names.empty())
            routes_.notes.push_back(
                fmt::format("slots of a server-template that are not in use: {}", listed(names)));
    }

    /// It gets no writes while the other one serves, and all of them when that one goes down.
    static bool is_second_primary(const RouteEntry& entry) {
        return entry.spare && entry.role == BackendRole::read_write &&
               entry.check.words == "primary";
    }

    /// A backend's limit is its `fullconn`, which limits nothing.
    bool near_limit(const StatRow& row) const {
        return row.kind != StatRow::Kind::backend && row.sessions && row.session_limit &&
               *row.session_limit > 0 &&
               *row.sessions * 100 >= *row.session_limit * rules_.session_warning_percent;
    }

    static std::string label(const StatRow& row) {
        return row.kind == StatRow::Kind::server ? fmt::format("{}/{}", row.proxy, row.server)
                                                 : row.proxy;
    }

    Routes& routes_;
    const std::vector<ServerView>& servers_;
    const RouteRules& rules_;
    StatRow::Number uptime_;
    bool starting_;
};

} // namespace

void find_problems(Routes& routes, const std::vector<ServerView>& servers, const RouteRules& rules,
                   StatRow::Number uptime) {
    Findings{routes, servers, rules, uptime}.all();
    std::stable_sort(routes.problems.begin(), routes.problems.end(),
                     [](const Problem& a, const Problem& b) { return a.state > b.state; });
    if (!routes.problems.empty())
        routes.state = routes.problems.front().state;
}

} // namespace checkpg
