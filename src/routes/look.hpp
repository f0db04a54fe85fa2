#pragma once

#include "routes/options.hpp"
#include "routes/routing.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace checkpg {

/// The sockets that are named, else the first usual one that exists. Throws HaproxyError if none
/// does.
std::vector<StatsSocket> sockets_of(const RoutesSettings& settings);

/// The seconds since this process of HAProxy's started, in its answer to `show info`.
StatRow::Number uptime_in(std::string_view info);

/// Asks HAProxy and draws the conclusions. What can't be known for lack of a socket, permission,
/// time or a named backend gives a result in state unknown, with the reason.
Routes look_at_routes(const RoutesSettings& settings);

/// Whether HAProxy itself answers on all its sockets.
struct Ping {
    bool answered = false;
    std::string text; ///< who answered, or why there is no answer
};

/// Asks HAProxy who it is.
Ping ping_haproxy(const RoutesSettings& settings);

} // namespace checkpg
