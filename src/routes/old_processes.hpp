#pragma once

#include "routes/show_stat.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace checkpg {

/// A process that HAProxy's reload has left behind: it takes no connection any more, and ends with
/// its last session. The stats socket is the new process's and knows nothing of it.
struct OldProcess {
    std::int64_t pid;
    std::int64_t age; ///< in seconds since its start
};

/// The old processes beside the one of number `pid` that started `uptime` seconds ago, by its own
/// words: those of its name and with its parent and configuration files that started before it.
/// `others` are processes that are in use, too. Nothing if that can't be known: numbers are not
/// given, or mean other processes here (HAProxy runs on another machine or in a container), or
/// /proc shows only one's own.
std::optional<std::vector<OldProcess>>
find_old_processes(StatRow::Number pid, StatRow::Number uptime,
                   const std::vector<std::int64_t>& others,
                   const std::filesystem::path& proc = "/proc");

} // namespace checkpg
