#pragma once

#include <cstddef>

namespace checkpg {

/// Keeps count of what one server sends, so that none can keep us busy until the deadline.
class FloodGuard {
public:
    /// More than any server says while we log in, or to one question: one with client_min_messages
    /// at debug5, which shows all it thinks, comes to a third.
    static constexpr std::size_t most = std::size_t{256} * 1024;

    /// Whether more than that has arrived since the start. Call it each time before libpq reads
    /// from the socket.
    bool flooded(int socket) noexcept;

    /// Another question: what has arrived until now counts no longer.
    void start_anew() noexcept { before_ = received_; }

private:
    std::size_t received_ = 0; ///< when last asked
    std::size_t before_ = 0;
};

} // namespace checkpg
