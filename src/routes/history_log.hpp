#pragma once

#include "routes/history_time.hpp"
#include "routes/routing.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace checkpg {

/// What one line of HAProxy's log says of a server of a named backend, or of HAProxy itself.
struct LogEvent {
    enum class Kind {
        down,           ///< nothing new goes to the server
        up,             ///< new connections may go to it
        check_failed,   ///< a check did, which need not have changed anything
        check_passed,   ///< the same
        backend_empty,  ///< the backend has no server left
        process_begins, ///< HAProxy was started or reloaded
        process_ends,   ///< it stops, or is the old one of a reload
    };

    Kind kind = Kind::down;
    WallTime time;
    std::int64_t process = 0; ///< HAProxy's process number, 0 if the line doesn't tell
    std::string backend;
    BackendRole role = BackendRole::read_write;
    std::string server;
    std::string reason;      ///< in words, empty if the line has none
    bool by_role = false;    ///< the reason is the other role
    bool unchecked = false;  ///< up, but by no check: maintenance ended, or somebody said so
    bool status_up = false;  ///< of a check: the server's state after it
    std::optional<int> left; ///< servers of the backend that are up now
    std::string text;        ///< HAProxy's own words
};

/// What a log or a ring of HAProxy's says.
struct HaproxyLog {
    std::deque<LogEvent> events;             ///< the lines' order
    std::vector<std::string> other_backends; ///< that were not named; some of them if many
    std::optional<WallTime> begins;          ///< of the first line with a time
    std::optional<WallTime> ends;            ///< of the last one
    bool precise = false;                    ///< its times have parts of seconds
    bool lines = false;                      ///< there is a line, with or without a time
    bool shortened = false;                  ///< the oldest events were too many to keep
};

/// Reads lines of HAProxy's log, whichever program wrote them down. A line that is none of
/// HAProxy's, or says nothing of servers, is passed over: nothing is wrong with it.
class LogReader {
public:
    /// The backends that are named in `rules` count. `now` is for times without a year.
    LogReader(RouteRules rules, WallTime now) : rules_{std::move(rules)}, now_{now} {}

    /// One line without its line feed.
    void read(std::string_view line);

    HaproxyLog take() && { return std::move(log_); }

private:
    void keep(LogEvent event);
    void note_process(const LogEvent& event);
    bool is_repeated_end(const LogEvent& event) const;
    std::optional<BackendRole> role_of(const LogEvent& event);

    RouteRules rules_;
    WallTime now_;
    HaproxyLog log_;
    std::vector<std::int64_t> processes_;
};

} // namespace checkpg
