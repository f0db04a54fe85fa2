#pragma once

#include "routes/routing.hpp"

#include <string>
#include <vector>

namespace checkpg {

/// How the text looks.
struct TextStyle {
    bool colour = false;
    bool verbose = false; ///< HAProxy's own words, the address and the detail of each check too
    bool marks = false;   ///< a first column that marks what changed
};

/// The table: its header, then one line per frontend, server and named backend.
std::vector<std::string> table_lines(const Routes& routes, TextStyle style);

/// The conclusions: primary, standbys, the other servers and why, sessions, problems, notes.
/// None in state unknown: state_line() says all there is.
std::vector<std::string> conclusion_lines(const Routes& routes, TextStyle style);

/// One line for a monitoring system: state_line(), and performance data behind '|'.
std::string monitoring_line(const Routes& routes, TextStyle style);

/// The state and what matters most, e.g. "CRITICAL: no primary: 3 standby, 1 timed out".
std::string state_line(const Routes& routes, TextStyle style);

/// The text of state_line() behind the state.
std::string state_text(const Routes& routes);

/// "45s", "12m", "3h12m", "5d4h"; "-" for nothing.
std::string format_age(StatRow::Number seconds);

} // namespace checkpg
