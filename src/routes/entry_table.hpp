#pragma once

#include "routes/text_table.hpp"

namespace checkpg {

/// The whole table: its header, then one line for each frontend that counts, each server of a named
/// backend and each named backend. Nothing in state unknown.
std::vector<std::string> entry_table(const Routes& routes, TextStyle style);

} // namespace checkpg
