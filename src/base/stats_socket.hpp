#pragma once

#include "base/deadline.hpp"
#include "base/descriptor.hpp"
#include "base/haproxy_error.hpp"

#include <cstdint>
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

/// Where HAProxy's socket usually is, the first place that exists. Throws HaproxyError if there is
/// none, which tells that `key` would name it. HAProxy may come and go: look anew each time.
StatsSocket find_stats_socket(std::string_view key);

/// A command that HAProxy has got, whose answer waits to be read while something else is done.
class HaproxyCommand {
public:
    /// Throws HaproxyError if HAProxy can't be reached or doesn't take the command by the deadline,
    /// in words that don't name the socket: see naming().
    HaproxyCommand(const StatsSocket& socket, std::string_view command, Deadline deadline);

    /// The whole answer, once. Throws HaproxyError if it isn't there by the deadline or is larger
    /// than 4 MiB.
    std::string answer(Deadline deadline) const;

private:
    Descriptor connection_;
};

/// HAProxy's whole answer to one command. Throws HaproxyError if it can't be reached, isn't done by
/// the deadline or says more than 4 MiB, in words that don't name the socket: see naming().
std::string ask_haproxy(const StatsSocket& socket, std::string_view command, Deadline deadline);

/// What `ask` returns for this socket; the HaproxyError that it throws begins with its name.
template <typename Ask>
auto naming(const StatsSocket& socket, Ask ask) {
    try {
        return ask();
    } catch (const HaproxyError& error) {
        throw HaproxyError{socket.name + ": " + error.what()};
    }
}

} // namespace checkpg
