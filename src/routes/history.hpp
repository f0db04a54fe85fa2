#pragma once

#include "routes/history_log.hpp"

#include <optional>
#include <string>
#include <vector>

namespace checkpg {

/// A server's change, or HAProxy's own.
struct HistoryRow {
    enum class Kind { up, down, process_begins, process_ends };

    Kind kind = Kind::down;
    WallTime time;
    std::int64_t process = 0; ///< HAProxy's process number, 0 if unknown
    std::string backend;      ///< empty, as what follows, if it is about HAProxy itself
    BackendRole role = BackendRole::read_write;
    std::string server;
    std::string reason; ///< empty if HAProxy didn't say
    /// What it was before, if that is known: up, or down for which reason, and for how long.
    std::optional<bool> was_up;
    std::string former_reason;
    std::optional<milliseconds> former_duration;
    std::string text; ///< HAProxy's own words
};

/// Writes went to one server and then to another. If `took_over` is before `left`, both were up.
struct Failover {
    std::string backend;
    std::string from;
    std::string to;
    WallTime left;
    WallTime took_over;

    /// How long writes went nowhere.
    milliseconds length() const { return std::max(took_over - left, milliseconds{0}); }
};

/// A read-write backend had no server.
struct WithoutPrimary {
    std::string backend;
    WallTime begin;
    std::optional<WallTime> end; ///< nothing if it lasted when the history ended
    std::string left;            ///< who was primary before, empty if unknown
    std::string reason;          ///< why that server went down
    std::string took_over;
};

/// Where the events come from, and what is known beside them.
struct HistorySource {
    bool ring = false;               ///< HAProxy's own, else a log
    std::string name;                ///< of the ring or the file
    std::optional<WallTime> started; ///< when HAProxy was started or reloaded
    WallTime now;
};

struct History {
    HistorySource source;
    std::optional<WallTime> begins; ///< nothing is known of what was before
    std::optional<WallTime> ends;
    bool precise = false; ///< times have parts of seconds
    std::vector<HistoryRow> rows;
    std::vector<Failover> failovers;
    std::vector<WithoutPrimary> without_primary;
    std::vector<std::string> notes;
};

/// Draws the conclusions of a log. What was before `since` is left out of the result, and known
/// all the same. Pure.
History conclude_history(HaproxyLog log, HistorySource source, std::optional<WallTime> since);

} // namespace checkpg
