#pragma once

#include <cstdint>
#include <optional>

namespace checkpg {

/// How much has passed through a TCP connection, by the kernel's count.
struct TcpBytes {
    std::optional<std::uint64_t> received; ///< since Linux 4.1
    std::optional<std::uint64_t> sent;     ///< since Linux 4.19; more than once what was repeated
};

/// Nothing is set of a socket that is not TCP's.
TcpBytes tcp_bytes(int socket) noexcept;

} // namespace checkpg
