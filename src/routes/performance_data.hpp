#pragma once

#include "routes/routing.hpp"

#include <string>
#include <string_view>

namespace checkpg {

/// "standbys=2;1:;;0;3 ...": label=value;warn;crit;min;max, as the guidelines for monitoring
/// plugins have it, with `prefix` before each label. Nothing in state unknown.
std::string performance_data(const Routes& routes, const RouteRules& rules,
                             std::string_view prefix = "");

} // namespace checkpg
