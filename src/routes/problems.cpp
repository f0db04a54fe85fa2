#include "routes/problems.hpp"

#include "base/exit_code.hpp"
#include "base/printable.hpp"
#include "base/units.hpp"
#include "routes/name_list.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

namespace checkpg {

namespace {

/// A trouble that several may have: said once, with their names.
struct Trouble {
    RouteState state;
    std::vector<std::string> names;    ///< as they are shown; none if it is nobody's
    std::vector<std::string> subjects; ///< the names without numbers
    std::string text;
    std::string subject; ///< the text without numbers
};

class Findings {
public:
    Findings(Routes& routes, const std::vector<ServerView>& servers, const RouteRules& rules,
             StatRow::Number uptime)
        : routes_{routes}, servers_{servers}, rules_{rules}, uptime_{uptime},
          starting_{uptime && *uptime < first_checks_take} {}

    void all() {
        primaries();
        for (const RouteEntry& entry : routes_.entries)
            if (entry.row.kind == StatRow::Kind::frontend && !entry.leads_elsewhere &&
                entry.row.status != "OPEN")
                add(RouteState::critical,
                    fmt::format("frontend {} is not open ({})", entry.row.proxy, entry.row.status));
        if (routes_.standbys.empty() && !rules_.read_only.empty() &&
            !awaited(BackendRole::read_only) && !rules_.warning.of(Measure::standbys))
            add(RouteState::warning, "no standby" + why(troubled()));
        empty_backends(BackendRole::read_write, RouteState::critical);
        empty_backends(BackendRole::read_only, RouteState::warning);
        if (starting_)
            first_checks();
        for (const auto& [reason, names] : troubled())
            for (const std::string& name : names)
                add(RouteState::warning, name, reason);
        for (const ServerView& server : servers_)
            look_at(server);
        for (const RouteEntry& entry : routes_.entries)
            look_at(entry);
        compare(rules_.critical, RouteState::critical);
        compare(rules_.warning, RouteState::warning);
        unused_slots();
        tell();
    }

private:
    /// Names by what is said of them, in order of appearance.
    using Groups = std::vector<std::pair<std::string, std::vector<std::string>>>;

    static void add_to(Groups& groups, const std::string& reason, const std::string& name) {
        auto found = std::find_if(groups.begin(), groups.end(),
                                  [&](const auto& group) { return group.first == reason; });
        if (found == groups.end())
            found = groups.insert(groups.end(), {reason, {}});
        if (std::find(found->second.begin(), found->second.end(), name) == found->second.end())
            found->second.push_back(name);
    }

    /// ": db1, db2 unreachable; db4 access denied", or nothing. Who is named so needs no line of
    /// their own.
    std::string why(const Groups& groups) {
        std::string text;
        for (const auto& [reason, names] : groups) {
            const bool split = reason == words(ExitCode::split_brain) && names.size() > 1;
            text += text.empty() ? ": " : "; ";
            text += split ? fmt::format("split brain between {}", listed(names))
                          : fmt::format("{} {}", listed(names), reason);
            explained_.insert(names.begin(), names.end());
        }
        return text;
    }

    void add(RouteState state, const std::string& text) { add_with_numbers(state, text, text); }

    /// Trouble that is nobody's in particular. `subject` is the text without numbers.
    void add_with_numbers(RouteState state, const std::string& text, const std::string& subject) {
        troubles_.push_back({state, {}, {}, text, subject});
    }

    void add(RouteState state, const std::string& name, const std::string& text,
             const std::string& number = "") {
        auto found = std::find_if(troubles_.begin(), troubles_.end(), [&](const Trouble& other) {
            return other.state == state && other.text == text && !other.names.empty();
        });
        if (found == troubles_.end())
            found = troubles_.insert(troubles_.end(), {state, {}, {}, text, text});
        found->names.push_back(name + number);
        found->subjects.push_back(name);
    }

    void tell() {
        for (const Trouble& trouble : troubles_) {
            if (trouble.names.empty())
                routes_.problems.push_back(
                    {trouble.state, printable(trouble.text), trouble.subject});
            else
                routes_.problems.push_back(
                    {trouble.state,
                     printable(fmt::format("{}: {}", listed(trouble.names), trouble.text)),
                     fmt::format("{}: {}", fmt::join(trouble.subjects, ", "), trouble.text)});
        }
        for (const auto& [text, names] : notes_)
            routes_.notes.push_back(fmt::format("{}: {}", listed(names), text));
    }

    void primaries() {
        const auto& names = routes_.primaries;
        if (names.size() > 1)
            add(RouteState::critical, fmt::format("{} primaries: {}", names.size(), listed(names)));
        else if (names.empty() && !awaited(BackendRole::read_write))
            no_primary();
    }

    void no_primary() {
        const std::string reasons = why(not_primary());
        const std::string since =
            routes_.role_since ? fmt::format(" {}", words(*routes_.role_since)) : "";
        add_with_numbers(RouteState::critical, "no primary" + since + reasons,
                         "no primary" + reasons);
    }

    /// Why each server gets no writes, but for standbys that get reads.
    Groups not_primary() const {
        Groups groups;
        std::set<std::string> named;
        for (const RouteEntry& entry : routes_.entries)
            if (entry.row.kind == StatRow::Kind::server && !entry.unused &&
                entry.role == BackendRole::read_write &&
                entry.check.kind != LastCheck::Kind::other_role) {
                add_to(groups, entry.serving ? entry.check.words : idle_reason(entry),
                       entry.row.server);
                named.insert(entry.row.server);
            }
        for (const IdleServer& server : routes_.idle)
            if (!named.contains(server.name))
                add_to(groups, server.reason, server.name);
        return groups;
    }

    /// The servers that get no traffic for another reason than their role and have not been named
    /// yet.
    Groups troubled() const {
        Groups groups;
        for (const IdleServer& server : routes_.idle)
            if (!server.by_role && !explained_.contains(server.name))
                add_to(groups, server.reason, server.name);
        return groups;
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
            add_with_numbers(RouteState::warning,
                             fmt::format("HAProxy started {} ago, {} not checked yet",
                                         rough_duration(std::chrono::seconds{*uptime_}), left),
                             "HAProxy has just started");
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
                                       in_process(backend.row), why_not(in_it)));
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

    /// The same of the servers of these lines, standbys too.
    template <typename Condition>
    std::string why_not(Condition condition) const {
        Groups groups;
        for (const RouteEntry& entry : routes_.entries)
            if (entry.row.kind == StatRow::Kind::server && !entry.unused && condition(entry))
                add_to(groups, idle_reason(entry), entry.row.server);
        std::string text;
        for (const auto& [reason, names] : groups)
            text += fmt::format("{}{} {}", text.empty() ? ": " : "; ", listed(names), reason);
        return text;
    }

    void look_at(const ServerView& server) {
        if (in_both_roles(server))
            add(RouteState::warning, server.name, "serving both roles, in a read-only backend too");
        if (processes_disagree(server))
            add(RouteState::warning, server.name, "HAProxy's processes disagree");
        if (serves(server))
            for (const RouteEntry* entry : server.entries)
                if (entry->row.status.starts_with("MAINT"))
                    add_to(notes_, fmt::format("in maintenance in {}", entry->row.proxy),
                           server.name);
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
        if (entry.leads_elsewhere)
            return;
        if (entry.serves_unchecked() && !starting_)
            add(entry.role == BackendRole::read_write ? RouteState::critical : RouteState::warning,
                row.server, fmt::format("traffic before the first check ({})", row.proxy));
        if (entry.serving && (entry.check.kind == LastCheck::Kind::failed ||
                              entry.check.kind == LastCheck::Kind::other_role))
            add(RouteState::warning, row.server,
                fmt::format("going down in {}, {}", row.proxy, entry.check.words));
        if (is_second_primary(entry))
            add(RouteState::warning, row.server,
                fmt::format("a backup that calls itself primary, too ({})", row.proxy));
        if (near_limit(row))
            add(RouteState::warning, label(row), "near the limit of sessions",
                fmt::format(" ({} of {})", *row.sessions, *row.session_limit));
        if (entry.role && row.queued.value_or(0) > 0 && !rules_.warning.of(Measure::queued))
            add(RouteState::warning, label(row), "connections wait in the queue",
                fmt::format(" ({})", *row.queued));
    }

    void compare(const Thresholds& thresholds, RouteState state) {
        for (std::size_t i = 0; i < measure_names.size(); ++i) {
            const auto measure = static_cast<Measure>(i);
            const auto& range = thresholds.of(measure);
            const std::int64_t value = value_of(measure, routes_);
            if (range && range->alerts(value))
                add_with_numbers(state,
                                 fmt::format("{}: {} is {} {}", measure_names[i], value,
                                             range->inside ? "in" : "outside of", range->text),
                                 fmt::format("{}: {}", measure_names[i], range->text));
        }
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
    std::vector<Trouble> troubles_;
    Groups notes_;
    std::set<std::string> explained_;
    const std::vector<ServerView>& servers_;
    const RouteRules& rules_;
    StatRow::Number uptime_;
    bool starting_;
};

} // namespace

void find_problems(Routes& routes, const std::vector<ServerView>& servers, const RouteRules& rules,
                   StatRow::Number uptime) {
    Findings{routes, servers, rules, uptime}.all();
    rank_problems(routes);
}

void rank_problems(Routes& routes) {
    std::stable_sort(routes.problems.begin(), routes.problems.end(),
                     [](const Problem& a, const Problem& b) { return a.state > b.state; });
    if (!routes.problems.empty())
        routes.state = routes.problems.front().state;
}

} // namespace checkpg
