#include "base/stats_socket.hpp"

#include "base/haproxy_error.hpp"
#include "base/socket_access.hpp"
#include "base/units.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

namespace checkpg {

namespace {

/// Some 3,000 servers in two backends: a router has tens.
constexpr std::size_t largest_answer = std::size_t{4} * 1024 * 1024;

/// Where HAProxy's socket is on the Red Hat family, and on Debian.
constexpr std::array default_paths{"/var/lib/haproxy/stats", "/run/haproxy/admin.sock"};

/// A path that we may not look at counts as there: who may will be explained.
bool exists(const char* path) {
    struct stat status {};
    return ::stat(path, &status) == 0 || errno == EACCES;
}

[[noreturn]] void fail(std::string_view what) { throw HaproxyError{std::string{what}}; }

[[noreturn]] void fail_in_time(std::string_view what) {
    fail(fmt::format("{} in time: HAProxy is stuck or very busy", what));
}

std::string_view explain(int error) noexcept {
    switch (error) {
    case ENOENT:
        return "no such file: HAProxy is stopped, or its 'stats socket' is elsewhere";
    case ECONNREFUSED:
        return "nothing listens there: HAProxy is stopped";
    case ENOTDIR:
        return "no such file: a part of the path is no directory";
    case EPROTOTYPE:
        return "a socket of another kind: no 'stats socket' of HAProxy's";
    default:
        return std::strerror(error);
    }
}

[[noreturn]] void fail_to_connect(int error) {
    if (error == EAGAIN)
        fail_in_time("no connection");
    fail(explain(error));
}

/// What other than a socket is at this path, or nothing.
std::string_view other_than_socket(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return {};
    switch (status.st_mode & S_IFMT) {
    case S_IFSOCK:
        return {};
    case S_IFREG:
        return "a regular file";
    case S_IFDIR:
        return "a directory";
    case S_IFIFO:
        return "a pipe";
    default:
        return "a device";
    }
}

/// What connect(2) failed of. It says of anything that is no socket that the connection is refused.
[[noreturn]] void fail_to_connect_to(const std::string& path, int error) {
    if (error == EACCES)
        fail(explain_denied_access(path));
    if (error == ECONNREFUSED)
        if (const auto other = other_than_socket(path); !other.empty())
            fail(fmt::format("not a socket, but {}", other));
    fail_to_connect(error == EINTR ? EAGAIN : error);
}

/// Waits until the socket is ready, or says no.
bool ready(const Descriptor& connection, short events, Deadline deadline) {
    pollfd entry{connection.get(), events, 0};
    for (;;) {
        const auto left = std::chrono::ceil<milliseconds>(deadline.remaining());
        const int count = ::poll(&entry, 1, static_cast<int>(left.count()));
        if (count > 0)
            return true;
        if (deadline.passed())
            return false;
    }
}

Descriptor open_socket(int family, int flags) {
    Descriptor connection{::socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0)};
    if (connection.get() == -1)
        fail(std::strerror(errno));
    return connection;
}

/// While a UNIX socket's queue is full, a non-blocking connect(2) fails at once and poll(2) can't
/// wait for room: a blocking one with a send timeout does.
void limit_blocking(const Descriptor& connection, Deadline deadline) {
    const auto left = std::chrono::ceil<std::chrono::microseconds>(deadline.remaining());
    timeval limit{};
    limit.tv_sec = static_cast<time_t>(left.count() / 1'000'000);
    limit.tv_usec = std::max<suseconds_t>(1, static_cast<suseconds_t>(left.count() % 1'000'000));
    ::setsockopt(connection.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

Descriptor connect_to_path(const std::string& path, Deadline deadline) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    Descriptor connection = open_socket(AF_UNIX, 0);
    limit_blocking(connection, deadline);
    if (::connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
        0)
        fail_to_connect_to(path, errno);
    ::fcntl(connection.get(), F_SETFL, O_NONBLOCK);
    return connection;
}

struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

template <typename Sockaddr>
Address address_from(const Sockaddr& specific) {
    Address address;
    std::memcpy(&address.storage, &specific, sizeof specific);
    address.size = sizeof specific;
    return address;
}

/// By inet_pton(3): getaddrinfo(3) would bring in the name service, which a static executable
/// can't load.
std::optional<Address> numeric_address(const std::string& host, std::uint16_t port) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1)
        return address_from(v4);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    if (::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1)
        return address_from(v6);
    return std::nullopt;
}

int connection_error(const Descriptor& connection) noexcept {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(connection.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
}

Descriptor connect_to_tcp(const StatsSocket::Tcp& tcp, Deadline deadline) {
    const auto address = numeric_address(tcp.host, tcp.port);
    if (!address)
        fail("no numeric address");
    Descriptor connection = open_socket(address->storage.ss_family, SOCK_NONBLOCK);
    if (::connect(connection.get(), reinterpret_cast<const sockaddr*>(&address->storage),
                  address->size) == 0)
        return connection;
    if (errno != EINPROGRESS)
        fail_to_connect(errno);
    if (!ready(connection, POLLOUT, deadline))
        fail_to_connect(EAGAIN);
    if (const int error = connection_error(connection))
        fail_to_connect(error);
    return connection;
}

Descriptor connect(const StatsSocket& socket, Deadline deadline) {
    if (const auto* path = std::get_if<std::string>(&socket.where))
        return connect_to_path(*path, deadline);
    return connect_to_tcp(std::get<StatsSocket::Tcp>(socket.where), deadline);
}

void send(const Descriptor& connection, std::string_view text, Deadline deadline) {
    while (!text.empty()) {
        const auto sent = ::send(connection.get(), text.data(), text.size(), MSG_NOSIGNAL);
        if (sent >= 0)
            text.remove_prefix(static_cast<std::size_t>(sent));
        else if (errno != EAGAIN && errno != EINTR)
            fail(std::strerror(errno));
        else if (!ready(connection, POLLOUT, deadline))
            fail_in_time("the question was not taken");
    }
}

/// Adds what has arrived to the answer. False at its end.
bool receive(const Descriptor& connection, std::string& answer, Deadline deadline) {
    std::array<char, 8192> buffer; // left as it is: recv(2) fills it
    for (;;) {
        if (deadline.passed() || !ready(connection, POLLIN, deadline))
            fail_in_time("no whole answer");
        const auto got = ::recv(connection.get(), buffer.data(), buffer.size(), 0);
        if (got >= 0) {
            answer.append(buffer.data(), static_cast<std::size_t>(got));
            return got > 0;
        }
        if (errno != EAGAIN && errno != EINTR)
            fail(std::strerror(errno));
    }
}

} // namespace

std::optional<StatsSocket> parse_stats_socket(std::string_view text) {
    const std::string name{text};
    if (text.find('/') != std::string_view::npos) {
        if (text.size() >= sizeof sockaddr_un::sun_path)
            return std::nullopt;
        return StatsSocket{name, name};
    }
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos)
        return std::nullopt;
    const auto port = parse_port(text.substr(colon + 1));
    auto host = text.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    if (host == "localhost")
        host = "127.0.0.1";
    if (!port || !numeric_address(std::string{host}, *port))
        return std::nullopt;
    return StatsSocket{name, StatsSocket::Tcp{std::string{host}, *port}};
}

StatsSocket find_stats_socket(std::string_view key) {
    for (const char* path : default_paths)
        if (exists(path))
            return {path, path};
    fail(fmt::format("neither {} nor {} exists: HAProxy is stopped, or its 'stats socket' is "
                     "elsewhere (name it with {})",
                     default_paths[0], default_paths[1], key));
}

HaproxyCommand::HaproxyCommand(const StatsSocket& socket, std::string_view command,
                               Deadline deadline)
    : connection_{connect(socket, deadline)} {
    send(connection_, fmt::format("{}\n", command), deadline);
}

std::string HaproxyCommand::answer(Deadline deadline) const {
    std::string answer;
    while (receive(connection_, answer, deadline))
        if (answer.size() > largest_answer)
            fail("the answer is larger than 4 MiB");
    return answer;
}

std::string ask_haproxy(const StatsSocket& socket, std::string_view command, Deadline deadline) {
    return HaproxyCommand{socket, command, deadline}.answer(deadline);
}

} // namespace checkpg
