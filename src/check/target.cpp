#include "check/target.hpp"

#include "base/error.hpp"
#include "base/units.hpp"
#include "base/words.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <net/if.h>

namespace checkpg {

namespace {

constexpr std::string_view not_used = "NOT_USED";
constexpr std::string_view no_port = "0"; // of a server with no port but a `check port`
constexpr std::string_view socket_name_start = ".s.PGSQL.";

/// HAProxy names the socket file; libpq wants its directory and the port in the file's name
/// (manual, section 34.1.2, `host`).
std::vector<Setting> socket_target(std::string_view path) {
    const auto slash = path.rfind('/');
    const std::string_view file = path.substr(slash + 1);
    if (file.substr(0, socket_name_start.size()) != socket_name_start)
        throw usage_error(fmt::format("server address '{}' is not a socket of PostgreSQL: its name "
                                      "must be {}PORT",
                                      path, socket_name_start));
    const auto port = checked_port(file.substr(socket_name_start.size()), "the socket's number");
    const std::string origin = "argument server_address";
    const std::string directory{slash == 0 ? "/" : path.substr(0, slash)};
    return {{"host", directory, origin}, {"hostaddr", "", origin}, {"port", port, origin}};
}

/// In HAProxy form the address is an IP and the server's name usually its FQDN: connect to the
/// one without DNS, verify certificates and look passwords up by the other.
std::vector<Setting> network_target(const std::string& address, const std::string& server_name) {
    const std::string origin = "argument server_address";
    const bool numeric = is_ip_address(address);
    const Setting name = numeric && !server_name.empty()
                             ? Setting{"host", server_name, "HAPROXY_SERVER_NAME"}
                             : Setting{"host", address, origin};
    return {name, {"hostaddr", numeric ? address : "", origin}};
}

/// Of an IPv6 address: an interface or its number (RFC 4007, section 11). Linux lets a name have up
/// to 15 of nearly all characters (net/core/dev.c, dev_valid_name); those in use are these.
bool is_scope(std::string_view text) noexcept {
    return text.size() < IF_NAMESIZE && is_alphanumeric(text, "-_.");
}

} // namespace

std::vector<Setting> haproxy_target(const std::string& address, const std::string& port,
                                    const std::string& server_name) {
    if (address.empty())
        throw usage_error("server address is empty: HAProxy does not know this server's address");
    if (address.front() == '/')
        return socket_target(address);
    std::vector<Setting> target = network_target(address, server_name);
    refuse_connection_string(port, "server port"); // of one whose words the shell has split
    if (!port.empty() && port != not_used && port != no_port)
        target.push_back({"port", checked_port(port, "server port"), "argument server_port"});
    return target;
}

void add_host(std::vector<Setting>& settings, const std::string& host, std::string_view argument) {
    if (host.empty())
        throw usage_error(fmt::format("{} is empty: give a name, an address or the directory of a "
                                      "UNIX socket",
                                      argument));
    const std::string origin{argument};
    settings.push_back({"host", host, origin});
    settings.push_back({"hostaddr", is_ip_address(host) ? host : "", origin});
}

HostAndPort split_port(std::string_view text) {
    if (is_ip_address(std::string{text}))
        return {std::string{text}, {}};
    const bool bracketed = text.substr(0, 1) == "[";
    const auto end = bracketed ? text.find(']') : text.find(':');
    if (end == std::string_view::npos)
        return {std::string{bracketed ? std::string_view{} : text}, {}};
    const std::string_view host = bracketed ? text.substr(1, end - 1) : text.substr(0, end);
    std::string_view rest = text.substr(bracketed ? end + 1 : end);
    if (!rest.empty() && rest.front() != ':')
        return {};
    const bool has_port = !rest.empty();
    return {std::string{host}, rest.substr(has_port ? 1 : 0), has_port};
}

void refuse_connection_string(std::string_view text, std::string_view argument) {
    const auto is = [&](std::string_view part) { return text.find(part) != text.npos; };
    if (!is_socket_directory(text) && (is("=") || is("://")))
        throw usage_error(fmt::format("{} is a connection string: write HOST:PORT instead, "
                                      "--username and --dbname for role and database, and the rest "
                                      "in checkpg.conf",
                                      argument));
}

std::string checked_port(std::string_view text, std::string_view argument) {
    if (!parse_port(text))
        throw usage_error(
            fmt::format("{} '{}' is not a port: give a number from 1 to 65535", argument, text));
    return std::string{text};
}

bool is_ip_address(const std::string& text) noexcept {
    if (text.find('\0') != std::string::npos)
        return false; // inet_pton(3) would see what is before it
    in_addr ipv4{};
    in6_addr ipv6{};
    if (::inet_pton(AF_INET, text.c_str(), &ipv4) == 1)
        return true;
    const auto percent = text.find('%');
    if (percent != std::string::npos && !is_scope(std::string_view{text}.substr(percent + 1)))
        return false;
    return ::inet_pton(AF_INET6, text.substr(0, percent).c_str(), &ipv6) == 1;
}

bool is_server_address(const std::string& text) noexcept {
    return is_ip_address(text) && text != "0.0.0.0" && text != "::";
}

std::string place_of(std::string_view address, std::string_view port) {
    return address.find(':') == std::string_view::npos ? fmt::format("{}:{}", address, port)
                                                       : fmt::format("[{}]:{}", address, port);
}

bool is_socket_directory(std::string_view host) noexcept {
    return host.starts_with('/') || host.starts_with('@');
}

} // namespace checkpg
