#pragma once

#include "check/invocation.hpp"

#include <string_view>
#include <vector>

namespace checkpg {

/// The most peers a check will ask: each costs a connection and memory at every check.
inline constexpr std::size_t most_peers = 32;

/// Another server of the cluster.
struct Peer {
    std::string text;    ///< as written
    std::string host;    ///< what certificates and passwords are looked up by
    std::string address; ///< an IP address, or empty: `host` is a name to look up
    std::string port;    ///< empty: the same as the checked server's
};

/// Reads a list of `address`, `name`, `name=address`, each with `:port` if need be (IPv6 then in
/// brackets), separated by blanks or commas. Throws a configuration error that names the origin
/// and the peer that can't be read, stands there twice or is one too many.
std::vector<Peer> parse_peers(const Setting& setting);

/// `server`, but leading to the peer.
std::vector<Setting> settings_for(const Peer& peer, std::vector<Setting> server);

/// Whether the peer is at the very address and port of the server: the same, no need to ask.
bool is_at(const Peer& peer, const std::vector<Setting>& server);

} // namespace checkpg
