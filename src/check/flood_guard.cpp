#include "check/flood_guard.hpp"

#include <linux/tcp.h> // glibc's tcp_info ends before tcpi_bytes_received
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace checkpg {

/// The kernel counts for TCP (since Linux 4.1); on a UNIX socket, of which libpq reads all that
/// fits its buffer, what waits is added up.
bool FloodGuard::flooded(int socket) noexcept {
    tcp_info info{};
    socklen_t size = sizeof info;
    int waiting = 0;
    if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
        size > offsetof(tcp_info, tcpi_bytes_received))
        received_ = info.tcpi_bytes_received;
    else if (::ioctl(socket, FIONREAD, &waiting) == 0 && waiting > 0)
        received_ += static_cast<std::size_t>(waiting);
    return received_ - before_ > most;
}

} // namespace checkpg
