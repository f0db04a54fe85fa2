#pragma once

#include <optional>
#include <string_view>

namespace checkpg {

/// What a check says. The number is the exit status, so it is what HAProxy shows as `check_code`
/// in `show stat` and logs as `code: N`: a published contract, never renumbered.
enum class ExitCode : int {
    ok = 0,                ///< the server has the wanted role
    other_role = 1,        ///< a standby was asked for the primary, or the other way round
    unreachable = 2,       ///< refused, no route, name not found
    timed_out = 3,         ///< no verdict within `timeout`
    access_denied = 4,     ///< password, pg_hba.conf, TLS verification, no such role or database
    not_ready = 5,         ///< starting up, shutting down, no hot standby, too many connections
    unexpected_answer = 6, ///< query error, protocol violation, connection lost half-way
    split_brain = 7,       ///< another server is primary too
    standby_not_fit = 8,   ///< lag or delay over the limit, or not streaming
    read_only = 9,         ///< a primary whose transactions are read-only
    usage = 64,            ///< EX_USAGE of sysexits.h
    internal = 70,         ///< EX_SOFTWARE
    configuration = 78,    ///< EX_CONFIG
};

/// The code in a few words, e.g. "access denied": the table in checkpgprimary(1).
std::string_view words(ExitCode code) noexcept;

/// The code with this number, or nothing if checks never end with it.
std::optional<ExitCode> exit_code_from_number(int number) noexcept;

/// The exit status for the operating system.
constexpr int to_int(ExitCode code) noexcept { return static_cast<int>(code); }

} // namespace checkpg
