#include "check/tcp_bytes.hpp"

#include <cstddef>
#include <linux/tcp.h> // glibc's tcp_info ends before tcpi_bytes_received
#include <netinet/in.h>
#include <sys/socket.h>

namespace checkpg {

/// An older kernel gives the beginning of the structure.
TcpBytes tcp_bytes(int socket) noexcept {
    tcp_info info{};
    socklen_t size = sizeof info;
    TcpBytes bytes;
    if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return bytes;
    if (size > offsetof(tcp_info, tcpi_bytes_received))
        bytes.received = info.tcpi_bytes_received;
    if (size > offsetof(tcp_info, tcpi_bytes_sent))
        bytes.sent = info.tcpi_bytes_sent;
    return bytes;
}

} // namespace checkpg
