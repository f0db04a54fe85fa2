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

/// Yes (ok) or no to a question of keepalived's; unknown if HAProxy doesn't say.
struct ShortAnswer {
    RouteState state = RouteState::unknown;
    std::string text; ///< who answered what, or why there is no answer
};

/// Whether HAProxy itself answers on all its sockets: ok or unknown.
ShortAnswer ping_haproxy(const RoutesSettings& settings);

/// Whether any server of the named backends gets traffic that a check has found fit for it: ok,
/// critical or unknown. One that HAProxy does not have, as while its new configuration is not yet
/// loaded, has no such server.
ShortAnswer ask_who_serves(const RoutesSettings& settings);

/// The same of what is known already. Pure.
ShortAnswer who_serves(const Routes& routes);

} // namespace checkpg
