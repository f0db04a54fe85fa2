#pragma once

#include "routes/history.hpp"
#include "routes/options.hpp"

#include <optional>
#include <string>

namespace checkpg {

/// The name of HAProxy's ring that has its log.
inline constexpr const char* history_ring = "checkpg";

/// Reads HAProxy's ring, or the log in `file` ("-" is standard input, as far as its end), and draws
/// the conclusions. Throws HaproxyError if there is none, it can't be read, or has no times.
History look_back(const RoutesSettings& settings, const std::optional<std::string>& file,
                  std::optional<WallTime> since, WallTime now);

} // namespace checkpg
