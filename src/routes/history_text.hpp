#pragma once

#include "routes/history.hpp"

#include <string>
#include <vector>

namespace checkpg {

/// The history for people: a table of changes, oldest first, then failovers, times without a
/// primary, and notes. `verbose` adds the backend and HAProxy's own words.
std::vector<std::string> history_lines(const History& history, bool verbose);

} // namespace checkpg
