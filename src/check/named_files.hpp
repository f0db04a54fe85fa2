#pragma once

#include "check/setting.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace checkpg {

/// What keeps us from reading this file: "can't be read: ..." or "is not a plain file". Nothing if
/// it can be read. Never blocks, not even on a FIFO.
std::optional<std::string> why_unreadable(const std::string& file);

/// libpq passes over files that it can't read, and over settings that need another one: a
/// revocation list without a root certificate, a root certificate where TLS may be given up. What
/// is configured counts, so this throws a configuration error that names the key and its origin.
/// A revocation list that is no such list is noticed later: see Connection.
/// `settings` are checkpg's own keys, too.
void refuse_idle_settings(const std::vector<Setting>& settings);

/// How many bytes the files of these settings have that a connection loads as a whole; the memory
/// that takes is many times as much.
std::uint64_t size_of_named_files(const std::vector<Setting>& settings) noexcept;

} // namespace checkpg
