#pragma once

#include "routes/routing.hpp"

#include <string>
#include <string_view>

namespace checkpg {

/// What matters most, in one line: "no primary for 3m05s: db1, db2 unreachable; standby db3".
std::string state_text(const Routes& routes);

/// The state in capitals before it: "OK: primary db2 for 5d04h, standbys db1, db3; sessions 5
/// read-write and 4 read-only". No '|': behind one there would be performance data. `whose` stands
/// before the text.
std::string state_line(const Routes& routes, bool colour, std::string_view whose = "");

} // namespace checkpg
