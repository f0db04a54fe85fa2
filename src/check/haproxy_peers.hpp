#pragma once

#include "base/deadline.hpp"
#include "base/stats_socket.hpp"
#include "check/peers.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace checkpg {

struct Settings;

/// `peers = haproxy`: the servers that HAProxy has in a backend.
struct HaproxyPeers {
    std::string backend; ///< whose servers; empty: nobody said
    std::string port;    ///< the configuration file's, stronger than HAProxy's; empty: none
    std::string checked; ///< the address HAProxy gave us to check, which it must have; empty: none
};

/// Where HAProxy is asked. Throws HaproxyError if nobody said, and it is at no usual place.
StatsSocket haproxy_socket(const Settings& settings);

/// The peers that are listed, and those that HAProxy has if the settings say so: then it is asked
/// now, for at most the time that peers may take, and at most until the deadline. Throws
/// HaproxyError if it can't be asked or its answer leaves open who the peers are. One that doesn't
/// have the very server it is said to check is another HAProxy.
std::vector<Peer> find_peers(const Settings& settings, Deadline deadline);

/// The peers in HAProxy's answer to `show servers state BACKEND`. All servers in it count, whatever
/// HAProxy thinks of them: one that it doesn't use may be a primary all the same. Throws
/// HaproxyError if it is no whole list of this backend's servers, is empty, or if the address or
/// port of one can't be told.
std::vector<Peer> parse_servers_state(std::string_view answer, const HaproxyPeers& wanted);

} // namespace checkpg
