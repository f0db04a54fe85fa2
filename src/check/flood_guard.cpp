#include "check/flood_guard.hpp"

#include "check/tcp_bytes.hpp"

#include <sys/ioctl.h>

namespace checkpg {

/// On a UNIX socket, of which libpq reads all that fits its buffer, what waits is added up.
bool FloodGuard::flooded(int socket) noexcept {
    int waiting = 0;
    if (const auto received = tcp_bytes(socket).received)
        received_ = *received;
    else if (::ioctl(socket, FIONREAD, &waiting) == 0 && waiting > 0)
        received_ += static_cast<std::size_t>(waiting);
    return received_ - before_ > most;
}

} // namespace checkpg
