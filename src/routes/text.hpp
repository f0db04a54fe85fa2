#pragma once

#include "routes/text_table.hpp"

#include <string>
#include <vector>

namespace checkpg {

/// Below the state line, which tells the worst problem: the other ones, worst first, the table,
/// and notes. Nothing in state unknown: the state line says all there is.
std::vector<std::string> lines_below(const Routes& routes, TextStyle style);

/// All of it for people, and for monitoring systems with the performance data in the first line;
/// these take a '|' for the start of more, so there is no other one.
std::string report_text(const Routes& routes, TextStyle style, const std::string& performance_data);

} // namespace checkpg
