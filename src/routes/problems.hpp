#pragma once

#include "routes/routing.hpp"
#include "routes/server_view.hpp"

#include <vector>

namespace checkpg {

/// In seconds after HAProxy's start. How long a check may take, HAProxy doesn't say: it is `inter`.
inline constexpr std::int64_t first_checks_take = 60;

/// Fills in what is wrong with `routes`, worst first, what is worth a note, and its state. The
/// rest of `routes` is complete; `servers` are the servers among its entries; `uptime` is
/// conclude()'s.
void find_problems(Routes& routes, const std::vector<ServerView>& servers, const RouteRules& rules,
                   StatRow::Number uptime);

/// Puts the worst problems first, and makes their state that of `routes`.
void rank_problems(Routes& routes);

} // namespace checkpg
