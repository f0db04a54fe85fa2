#include "check/haproxy_peers.hpp"

#include "base/printable.hpp"
#include "base/servers_state.hpp"
#include "base/units.hpp"
#include "base/words.hpp"
#include "check/settings.hpp"
#include "check/target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace checkpg {

namespace {

constexpr std::size_t quoted_at_most = 80;

std::string in_quotes(std::string_view text) {
    return fmt::format("'{}'", printable(text, quoted_at_most));
}

/// HAProxy lets names be of these. Anything else in a command could be another command.
bool is_haproxy_name(std::string_view text) noexcept { return is_alphanumeric(text, "-_.:"); }

/// What is read of each server, in the order of the columns.
enum : std::size_t { be_name, srv_name, srv_addr, srv_port };
constexpr std::array<std::string_view, 4> columns{"be_name", "srv_name", "srv_addr", "srv_port"};

Peer make_peer(const HaproxyPeers& wanted, std::string name, std::string address,
               std::string_view port) {
    if (!is_server_address(address))
        throw HaproxyError{fmt::format("HAProxy has no address for its server {}: its name is not "
                                       "resolved, or it is a UNIX socket",
                                       name)};
    if (port != "0" && !parse_port(port))
        throw HaproxyError{fmt::format("the port {} of server {} is none", in_quotes(port), name)};
    Peer peer;
    peer.port = wanted.port.empty() && port != "0" ? std::string{port} : wanted.port;
    peer.text =
        fmt::format("{}={}", name, peer.port.empty() ? address : place_of(address, peer.port));
    peer.host = std::move(name);
    peer.address = std::move(address);
    return peer;
}

Peer peer_of(const ServerFields& fields, const HaproxyPeers& wanted) {
    if (fields[be_name] != wanted.backend)
        throw HaproxyError{fmt::format("asked for the servers of backend {}, HAProxy tells of "
                                       "backend {}",
                                       wanted.backend, printable(fields[be_name], quoted_at_most))};
    if (!is_haproxy_name(fields[srv_name]))
        throw HaproxyError{fmt::format("{} is no name of a server", in_quotes(fields[srv_name]))};
    return make_peer(wanted, std::string{fields[srv_name]}, std::string{fields[srv_addr]},
                     fields[srv_port]);
}

void refuse_another_haproxy(const std::vector<Peer>& peers, const HaproxyPeers& wanted) {
    if (!wanted.checked.empty() && std::none_of(peers.begin(), peers.end(), [&](const Peer& peer) {
            return peer.address == wanted.checked;
        }))
        throw HaproxyError{fmt::format("backend {} has no server at {}: it is another HAProxy's",
                                       wanted.backend, wanted.checked)};
}

std::vector<Peer> ask(const HaproxyPeers& wanted, Deadline deadline) {
    if (!is_haproxy_name(wanted.backend))
        throw HaproxyError{fmt::format("{} is no name of a backend", in_quotes(wanted.backend))};
    const StatsSocket socket = wanted.socket ? *wanted.socket : find_stats_socket("haproxy-socket");
    return naming(socket, [&] {
        const auto command = fmt::format("show servers state {}", wanted.backend);
        auto peers = parse_servers_state(ask_haproxy(socket, command, deadline), wanted);
        refuse_another_haproxy(peers, wanted);
        return peers;
    });
}

} // namespace

std::vector<Peer> parse_servers_state(std::string_view answer, const HaproxyPeers& wanted) {
    if (answer.empty())
        throw HaproxyError{"HAProxy closed the connection without an answer"};
    const auto servers = read_servers_state(
        answer, columns, fmt::format("the servers in backend {}", wanted.backend));
    if (servers.size() > most_peers)
        throw HaproxyError{
            fmt::format("more than {} servers in backend {}", most_peers, wanted.backend)};
    std::vector<Peer> peers;
    peers.reserve(servers.size());
    for (const ServerFields& fields : servers)
        peers.push_back(peer_of(fields, wanted));
    if (peers.empty())
        throw HaproxyError{fmt::format("no server in backend {}", wanted.backend)};
    return peers;
}

std::vector<Peer> find_peers(const Settings& settings, Deadline deadline) {
    std::vector<Peer> peers = settings.peers;
    if (settings.haproxy_peers) {
        const Deadline for_haproxy = earlier(deadline, Deadline::in(settings.peer_timeout));
        auto more = ask(*settings.haproxy_peers, for_haproxy);
        std::move(more.begin(), more.end(), std::back_inserter(peers));
    }
    return peers;
}

} // namespace checkpg
