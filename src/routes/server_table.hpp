#pragma once

#include "routes/text_table.hpp"

namespace checkpg {

/// One line for each server, worst first, then what changed if it is marked: what it is to each
/// role, its sessions, and since when. Below a header; nothing in state unknown.
std::vector<std::string> server_table(const Routes& routes, TextStyle style);

} // namespace checkpg
