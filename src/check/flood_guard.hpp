#pragma once

#include <cstddef>

namespace checkpg {

/// Keeps count of what one server sends, so that none can keep us busy until the deadline.
class FloodGuard {
public:
    /// More than any server says before its answer to one row of a question.
    static constexpr std::size_t largest_conversation = std::size_t{64} * 1024;

    /// Whether more than that has arrived. Call it each time before libpq reads from the socket.
    bool flooded(int socket) noexcept;

private:
    std::size_t received_ = 0;
};

} // namespace checkpg
