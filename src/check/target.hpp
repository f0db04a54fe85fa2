#pragma once

#include "check/setting.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace checkpg {

/// What HAProxy's arguments for a server, and its name in HAProxy if that is known, are to libpq:
/// host, hostaddr and, if HAProxy tells one, port. Throws a usage error that names the argument.
std::vector<Setting> haproxy_target(const std::string& address, const std::string& port,
                                    const std::string& server_name);

/// Adds host and hostaddr for what a user calls the server. An address needs no look-up, and
/// either takes back a hostaddr said elsewhere. Throws a usage error that names the argument.
void add_host(std::vector<Setting>& settings, const std::string& host, std::string_view argument);

/// A server and perhaps its port, in one word.
struct HostAndPort {
    std::string host;
    std::string_view port; ///< of the text it was split from
    bool has_port = false;
};

/// "host", "host:port", "v6", "[v6]" or "[v6]:port"; the host is empty if it is none of them. What
/// it says of host and port may be wrong.
HostAndPort split_port(std::string_view text);

/// Throws a usage error if `text` is what libpq takes for a connection string: a URI, or
/// keywords with values. There may be a password in it, so the error quotes nothing of it.
void refuse_connection_string(std::string_view text, std::string_view argument);

/// The same text, if it is a port. Throws a usage error that names the argument.
std::string checked_port(std::string_view text, std::string_view argument);

/// Whether `text` is an IPv4 or IPv6 address (with or without a scope), as opposed to a name.
bool is_ip_address(const std::string& text) noexcept;

/// Whether HAProxy, which shows this in its list of servers, has an address for one: it shows none
/// of a UNIX socket, and none or an unspecified one while a name is not resolved.
bool is_server_address(const std::string& text) noexcept;

/// "192.0.2.11:5432", "[2001:db8::1]:5432".
std::string place_of(std::string_view address, std::string_view port);

/// Whether `host` is the directory of a UNIX socket, or (with an `@`) an abstract one's name.
bool is_socket_directory(std::string_view host) noexcept;

} // namespace checkpg
