#pragma once

#include "base/deadline.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace checkpg {

/// Where HAProxy's `stats socket` listens: a UNIX path, or a numeric address and a port.
struct StatsSocket {
    struct Tcp {
        std::string host; ///< numeric, without brackets
        std::uint16_t port;
    };

    std::string name; ///< as the user wrote it, for messages
    std::variant<std::string, Tcp> where;
};

/// "/run/haproxy/admin.sock", "127.0.0.1:9999", "[::1]:9999" or "localhost:9999" (127.0.0.1).
/// Nothing if it is neither: other names would need a resolver.
std::optional<StatsSocket> parse_stats_socket(std::string_view text);

/// Sends one command to HAProxy and hands each piece of its answer to `sink`, until HAProxy closes
/// the connection. Throws RoutesUnknown if HAProxy can't be reached, isn't done by the deadline or
/// says more than 64 MiB, in words that don't name the socket; what the sink throws ends it too.
void ask_haproxy(const StatsSocket& socket, std::string_view command, Deadline deadline,
                 const std::function<void(std::string_view)>& sink);

} // namespace checkpg
