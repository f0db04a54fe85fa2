#pragma once

#include "base/deadline.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace checkpg {

/// A moment on the calendar.
using WallTime = std::chrono::sys_time<milliseconds>;

/// A log's line whose time was understood.
struct StampedLine {
    WallTime time;
    bool precise = false; ///< known by more than the second
    bool rfc5424 = false; ///< the form that names host, program and process without colons
    std::string_view rest;
};

/// Reads the time that a line begins with: HAProxy's own forms (timed, iso, rfc5424, rfc3164),
/// those of syslog's files and of `journalctl -o short`, `short-iso`, `short-full` and
/// `short-unix`. A time without a zone is local, one without a year is the last such before `now`.
/// Nothing if the line begins with anything else. What it returns borrows `line`.
std::optional<StampedLine> read_stamp(std::string_view line, WallTime now);

/// What `--since` was given: "03:12" is the last such time of day, "2026-03-01 03:12" a local
/// time, which may have 'T', seconds and a zone, and "2h" so long before `now`. Nothing if it is
/// none of these.
std::optional<WallTime> parse_since(std::string_view text, WallTime now);

/// "2026-03-01 03:12:04" in the local zone, with milliseconds if `precise`.
std::string local_time(WallTime time, bool precise);

/// "2026-03-01T03:12:04.318+01:00" in the local zone.
std::string iso_time(WallTime time);

} // namespace checkpg
