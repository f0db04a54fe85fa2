#pragma once

#include "base/stats_socket.hpp"
#include "routes/routing.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace checkpg {

/// A server as HAProxy has it in one of the named backends.
struct BackendServer {
    std::string backend;
    BackendRole role = BackendRole::read_write;
    std::string name;
    std::string address; ///< empty: HAProxy tells none
    std::string port;    ///< "0": HAProxy has none of its own

    // What HAProxy does with it now.
    std::string status;    ///< as in `show stat`: "UP", "DOWN 1/2"
    std::string check;     ///< what its last check found
    bool serving = false;  ///< new connections may go to it
    bool fallback = false; ///< only for want of others: a `backup` server
};

/// The servers in HAProxy's answer to `show servers state` that are in the named backends, with
/// what `routes` knows of them; slots that are not in use are left out. Throws HaproxyError if it
/// is no whole list.
std::vector<BackendServer> read_backend_servers(std::string_view answer, const Routes& routes);

/// What all these processes of HAProxy's have, each server of a backend once; empty `sockets`: the
/// one where it usually is. Throws HaproxyError.
std::vector<BackendServer> find_backend_servers(const std::vector<StatsSocket>& sockets,
                                                const Routes& routes, Deadline deadline);

} // namespace checkpg
