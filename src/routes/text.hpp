#pragma once

#include "routes/text_table.hpp"

#include <string>
#include <vector>

namespace checkpg {

/// What stands below the state line, which tells the worst problem. Nothing in state unknown: the
/// state line says all there is.
struct TextBelow {
    std::vector<std::string> problems; ///< the other ones, worst first
    std::vector<std::string> table;    ///< its first line is its header
    std::vector<std::string> notes;

    std::vector<std::string> lines() const; ///< all of them
};

TextBelow text_below(const Routes& routes, TextStyle style);

/// All of it for people, and for monitoring systems with the performance data in the first line;
/// these take a '|' for the start of more, so there is no other one.
std::string report_text(const Routes& routes, const TextBelow& below, TextStyle style,
                        const std::string& performance_data);

} // namespace checkpg
