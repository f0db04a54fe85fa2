#pragma once

#include "base/deadline.hpp"
#include "check/libpq_handle.hpp"
#include "check/server_state.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// What a check and a keeper say to each other: a packet each, over a connection that is closed
/// then. Both are programs of one version, which the socket's name says, so numbers stand there as
/// memory has them. A refusal has no words: the keeper closes the connection.
namespace checkpg {

/// No packet is longer; what doesn't fit is not said.
inline constexpr std::size_t longest_packet = 16384;

/// A check to a keeper.
struct KeeperRequest {
    std::uint64_t id = 0; ///< comes back with the answer
    /// What the server is to be asked; nothing: only the connection's age is wanted.
    std::optional<Question> question;
    milliseconds patience{0}; ///< how long that may take
    std::string_view subject; ///< what the connection must be for: connection_subject()
};

/// A keeper to a check.
struct KeeperAnswer {
    std::uint64_t id = 0;
    milliseconds age{0}; ///< of the connection, since its log-in
    ResultHandle result; ///< what the server sent, one row; null if it was not asked
};

/// The packet for a request; empty if it would be too long.
std::string packet_of(const KeeperRequest& request);

/// The packet for an answer; `result` is null or has one row. Empty if it would be too long.
std::string packet_of(std::uint64_t id, milliseconds age, const pg_result* result);

/// The request in a packet, which the subject is a part of; nothing if it is anything else.
std::optional<KeeperRequest> read_request(std::string_view packet);

/// The answer in a packet; nothing if it is anything else. Throws only std::bad_alloc.
std::optional<KeeperAnswer> read_answer(std::string_view packet);

} // namespace checkpg
