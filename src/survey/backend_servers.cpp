#include "survey/backend_servers.hpp"

#include "base/servers_state.hpp"
#include "check/target.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <utility>

namespace checkpg {

namespace {

/// What is read of each server, in the order of the columns.
enum : std::size_t { be_name, srv_name, srv_addr, srv_port };
constexpr std::array<std::string_view, 4> columns{"be_name", "srv_name", "srv_addr", "srv_port"};

/// Nothing if it is none of the named backends.
std::optional<BackendRole> role_of(std::string_view backend, const Routes& routes) {
    for (const RouteEntry& entry : routes.entries)
        if (entry.row.proxy == backend && entry.role)
            return entry.role;
    return std::nullopt;
}

/// Takes over what HAProxy's processes do with the server. False if it is not in use.
bool add_routing(BackendServer& server, const Routes& routes) {
    bool listed = false;
    bool in_use = false;
    for (const RouteEntry& entry : routes.entries) {
        if (entry.row.kind != StatRow::Kind::server || entry.row.proxy != server.backend ||
            entry.row.server != server.name)
            continue;
        listed = true;
        in_use = in_use || !entry.unused;
        server.serving = server.serving || entry.serving;
        server.fallback = entry.row.backup;
        server.status = entry.row.status;
        server.check = entry.check.words;
    }
    return in_use || !listed;
}

void add_new(std::vector<BackendServer>& all, std::vector<BackendServer> more) {
    for (BackendServer& server : more)
        if (std::none_of(all.begin(), all.end(), [&](const BackendServer& known) {
                return known.backend == server.backend && known.name == server.name;
            }))
            all.push_back(std::move(server));
}

} // namespace

std::vector<BackendServer> read_backend_servers(std::string_view answer, const Routes& routes) {
    std::vector<BackendServer> servers;
    for (const ServerFields& fields : read_servers_state(answer, columns, "HAProxy's servers")) {
        const auto role = role_of(fields[be_name], routes);
        if (!role)
            continue;
        BackendServer server;
        server.backend = fields[be_name];
        server.role = *role;
        server.name = fields[srv_name];
        if (std::string address{fields[srv_addr]}; is_server_address(address))
            server.address = std::move(address);
        server.port = fields[srv_port];
        if (add_routing(server, routes))
            servers.push_back(std::move(server));
    }
    return servers;
}

std::vector<BackendServer> find_backend_servers(const std::vector<StatsSocket>& sockets,
                                                const Routes& routes, Deadline deadline) {
    const auto processes = sockets.empty() ? std::vector{find_stats_socket("--socket")} : sockets;
    std::vector<BackendServer> servers;
    for (const StatsSocket& socket : processes)
        add_new(servers, naming(socket, [&] {
                    return read_backend_servers(ask_haproxy(socket, "show servers state", deadline),
                                                routes);
                }));
    return servers;
}

} // namespace checkpg
