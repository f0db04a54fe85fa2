#pragma once

#include "base/deadline.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct pg_result;

namespace checkpg {

/// What a check needs to know of a server; nothing else is asked.
struct Question {
    bool identity = false; ///< to tell it from its peers
    bool writable = false;
    bool replay = false;   ///< how far a standby has come
    bool receiver = false; ///< whether a standby's WAL receiver runs
    bool waits = false;    ///< whether a standby's replay waits for WAL
    bool vitals = false;   ///< for people: no check asks for them, and no keeper knows them
};

/// Which instance this is. Two servers with the same system identifier are of one cluster; two
/// primaries that were also started at the same microsecond and write the same timeline are one,
/// reached in two ways.
struct Identity {
    std::string system_identifier; ///< pg_control_system(), digits
    std::int64_t started = 0;      ///< pg_postmaster_start_time() in microseconds
    std::uint32_t timeline = 0;    ///< of a primary, of what it writes now; 0 on a standby

    bool same_cluster(const Identity& other) const noexcept {
        return system_identifier == other.system_identifier;
    }
    bool same_instance(const Identity& other) const noexcept {
        return same_cluster(other) && started == other.started && timeline == other.timeline;
    }
};

/// How far a standby has come.
struct Replay {
    std::optional<std::uint64_t> received; ///< LSN; none if nothing was received since its start
    std::optional<std::uint64_t> replayed; ///< LSN
    std::optional<milliseconds> age; ///< of the last replayed transaction; none since its start
    bool paused = false;
    /// Seen to have replayed all it could; shown only to members of pg_read_all_stats.
    bool waits_for_wal = false;

    // What only a later look can show, by compare().
    bool receiver_stayed = false; ///< the same WAL receiver was there at the first look
    bool moved = false;           ///< replay has come further since the first look
    /// What had been received at the first look was replayed at the latest so long after it.
    std::optional<milliseconds> caught_up;

    /// Bytes received and not yet replayed; nothing if that can't be known: neither where nothing
    /// was received, nor of a standby that has replayed more than it received, from an archive.
    std::optional<std::uint64_t> lag() const noexcept;
};

/// A standby's WAL receiver.
enum class Receiver {
    none,
    not_streaming,
    streaming,
    hidden, ///< there is one; its state is shown only to members of pg_read_all_stats
};

/// What no verdict needs and people want to know.
struct Vitals {
    milliseconds uptime{0};
    std::optional<std::uint64_t> written; ///< LSN; of a primary
    /// By the control file, which lags behind a promotion and, on a standby, behind what it
    /// replays.
    std::uint32_t recorded_timeline = 0;
    /// Of what a standby's WAL receiver has received; shown only to members of pg_read_all_stats.
    std::optional<std::uint32_t> received_timeline;
    std::uint32_t most_connections = 0; ///< max_connections
    /// Of clients, ours among them; shown only to members of pg_read_all_stats.
    std::optional<std::uint32_t> connections;
};

/// What a server says of itself. What was not asked is not set.
struct ServerState {
    bool in_recovery = false; ///< a standby
    std::optional<Identity> identity;
    std::optional<bool> read_only; ///< transaction_read_only
    std::optional<Replay> replay;
    std::optional<Receiver> receiver;
    int receiver_pid = 0; ///< 0 if there is no receiver, or if that was not asked
    std::optional<Vitals> vitals;
};

/// The one statement that asks all this, on PostgreSQL 12 to 18. Everything in it is
/// schema-qualified and there are no operators, so that no search_path changes its meaning.
std::string state_query(const Question& question);

/// The GRANTs that let a role ask this, for a server where PostgreSQL's defaults were taken away.
std::string grants_for(const Question& question, std::string_view role);

/// The state in the answer to state_query(question). Throws std::invalid_argument, saying what is
/// wrong, unless it is exactly one row of exactly the expected types.
ServerState read_state(const Question& question, const pg_result* result);

} // namespace checkpg
