#include "routes/stats_socket.hpp"

#include "base/units.hpp"
#include "routes/routes_unknown.hpp"
#include "routes/socket_access.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace checkpg {

namespace {

constexpr std::size_t largest_answer = std::size_t{64} * 1024 * 1024;

class Socket {
public:
    explicit Socket(int number) noexcept : number_{number} {}
    Socket(Socket&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
    Socket& operator=(Socket&&) = delete;
    ~Socket() {
        if (number_ != -1)
            ::close(number_);
    }
    int get() const noexcept { return number_; }

private:
    int number_;
};

[[noreturn]] void fail(std::string_view what) { throw RoutesUnknown{std::string{what}}; }

[[noreturn]] void fail_in_time(std::string_view what) {
    fail(fmt::format("{} in time: HAProxy is stuck or very busy", what));
}

std::string_view explain(int error) noexcept {
    switch (error) {
    case ENOENT:
        return "no such file: HAProxy is stopped, or its 'stats socket' is elsewhere";
    case ECONNREFUSED:
        return "nothing listens there: HAProxy is stopped";
    default:
        return std::strerror(error);
    }
}

[[noreturn]] void fail_to_connect(int error) {
    if (error == EAGAIN)
        fail_in_time("no connection");
    fail(explain(error));
}

/// Waits until the socket is ready, or says no.
bool ready(const Socket& connection, short events, Deadline deadline) {
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

Socket open_socket(int family, int flags) {
    Socket connection{::socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0)};
    if (connection.get() == -1)
        fail(std::strerror(errno));
    return connection;
}

/// While a UNIX socket's queue is full, a non-blocking connect(2) fails at once and poll(2) can't
/// wait for room: a blocking one with a send timeout does.
void limit_blocking(const Socket& connection, Deadline deadline) {
    const auto left = std::chrono::ceil<std::chrono::microseconds>(deadline.remaining());
    timeval limit{};
    limit.tv_sec = static_cast<time_t>(left.count() / 1'000'000);
    limit.tv_usec = std::max<suseconds_t>(1, static_cast<suseconds_t>(left.count() % 1'000'000));
    ::setsockopt(connection.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

Socket connect_to_path(const std::string& path, Deadline deadline) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    Socket connection = open_socket(AF_UNIX, 0);
    limit_blocking(connection, deadline);
    if (::connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
        0) {
        if (errno == EACCES)
            fail(explain_denied_access(path));
        fail_to_connect(errno == EINTR ? EAGAIN : errno);
    }
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

int connection_error(const Socket& connection) noexcept {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(connection.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
}

Socket connect_to_tcp(const StatsSocket::Tcp& tcp, Deadline deadline) {
    const auto address = numeric_address(tcp.host, tcp.port);
    if (!address)
        fail("no numeric address");
    Socket connection = open_socket(address->storage.ss_family, SOCK_NONBLOCK);
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

Socket connect(const StatsSocket& socket, Deadline deadline) {
    if (const auto* path = std::get_if<std::string>(&socket.where))
        return connect_to_path(*path, deadline);
    return connect_to_tcp(std::get<StatsSocket::Tcp>(socket.where), deadline);
}

void send(const Socket& connection, std::string_view text, Deadline deadline) {
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

/// The number of bytes read, 0 at the end of the answer.
std::size_t receive(const Socket& connection, std::array<char, 65536>& buffer, Deadline deadline) {
    for (;;) {
        if (deadline.passed() || !ready(connection, POLLIN, deadline))
            fail_in_time("no whole answer");
        const auto got = ::recv(connection.get(), buffer.data(), buffer.size(), 0);
        if (got >= 0)
            return static_cast<std::size_t>(got);
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

void ask_haproxy(const StatsSocket& socket, std::string_view command, Deadline deadline,
                 const std::function<void(std::string_view)>& sink) {
    const Socket connection = connect(socket, deadline);
    send(connection, fmt::format("{}\n", command), deadline);
    const auto buffer = std::make_unique<std::array<char, 65536>>();
    std::size_t total = 0;
    while (const std::size_t length = receive(connection, *buffer, deadline)) {
        total += length;
        if (total > largest_answer)
            fail("the answer is larger than 64 MiB");
        sink({buffer->data(), length});
    }
}

} // namespace checkpg
