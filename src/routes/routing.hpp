#pragma once

#include "routes/last_check.hpp"
#include "routes/old_processes.hpp"
#include "routes/show_stat.hpp"
#include "routes/thresholds.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace checkpg {

/// For how long something has been so. HAProxy knows of nothing before its start.
struct TimeSpan {
    std::int64_t seconds;
    bool at_least; ///< it may have been so before
};

/// "for 5d04h" or "for at least 5d04h".
std::string words(TimeSpan span);

/// How well traffic flows, in the order of monitoring plugins' exit statuses.
enum class RouteState : int { ok = 0, warning = 1, critical = 2, unknown = 3 };

/// "ok", "warning", "critical" or "unknown".
std::string_view words(RouteState state) noexcept;

/// What to look at and what to warn of.
struct RouteRules {
    std::vector<std::string> read_write; ///< names of backends
    std::vector<std::string> read_only;
    int session_warning_percent = 90; ///< of a frontend's or server's limit
    std::vector<std::string>
        frontends{}; ///< that lead to these backends; none: see mark_frontends()
    Thresholds warning{};
    Thresholds critical{};
};

/// One line of the table: a frontend, or a server or the sum of a named backend.
struct RouteEntry {
    StatRow row;
    std::optional<BackendRole> role; ///< nothing for a frontend
    LastCheck check;
    bool serving = false;         ///< of a server: new connections may go to it
    bool spare = false;           ///< a backup server that is up while others of its backend serve
    bool unused = false;          ///< a slot of a server-template that no address is left for
    bool leads_elsewhere = false; ///< a frontend that leads to none of the named backends
    bool changed = false;         ///< set by ChangeMarks, for display

    /// New connections may go to it, though HAProxy only assumes that it is up.
    bool serves_unchecked() const noexcept {
        return serving && check.kind == LastCheck::Kind::not_yet;
    }
};

struct Traffic {
    std::int64_t now = 0;
    std::int64_t most = 0;
    StatRow::Number limit{}; ///< of `now`, if it is known
};

/// A server that no traffic goes to.
struct IdleServer {
    std::string name;
    std::string reason;   ///< "access denied", "in maintenance", "standby" ...
    bool by_role = false; ///< nothing is wrong: it only has no backend for its role
};

struct Problem {
    RouteState state;
    std::string text;
    std::string subject; ///< the text without what changes while the trouble stays: numbers, times
};

/// What HAProxy routes where, and what follows from it.
struct Routes {
    RouteState state = RouteState::ok; ///< of the worst problem
    std::vector<Problem> problems;     ///< worst first
    std::vector<std::string> notes;    ///< worth knowing, no problem
    std::vector<std::string> primaries;
    std::vector<std::string> standbys;
    std::vector<std::string> unchecked; ///< get traffic, and no check has found their role yet
    std::vector<IdleServer> idle;
    Traffic read_write;
    Traffic read_only;
    std::int64_t queued = 0;
    std::optional<TimeSpan> role_since; ///< how long there has been the one primary, or none
    std::vector<RouteEntry> entries;
    bool several_processes = false;
    /// What a reload has left behind, whose sessions are not counted; nothing if it can't be known.
    std::optional<std::vector<OldProcess>> old_processes = std::vector<OldProcess>{};
};

/// What a range may be given for.
std::int64_t value_of(Measure measure, const Routes& routes) noexcept;

/// Draws the conclusions: a server of a read-write backend that gets traffic is a primary, one of
/// a read-only backend that isn't is a standby. One that no check has looked at yet is neither.
/// `uptime` is the time in seconds since HAProxy started, if it is known: for a first minute
/// checks need not be done. Pure. Throws HaproxyError if a backend or frontend named in the rules
/// doesn't exist.
Routes conclude(std::vector<StatRow> rows, const RouteRules& rules, StatRow::Number uptime = {});

/// Says of a reload's old processes what there is to say: a note, and a warning if they have not
/// ended an hour after HAProxy's last start, `uptime` seconds ago.
void add_old_processes(Routes& routes, std::optional<std::vector<OldProcess>> old,
                       StatRow::Number uptime);

/// The routes when nothing could be learnt, for the reason given.
Routes unknown_routes(std::string reason);

} // namespace checkpg
