#pragma once

#include "connection.hpp"

#include <variant>

namespace checkpg {

/// What asking one server came to.
struct Answer {
    std::variant<ServerState, Failure> outcome;
    Contact contact;

    /// The state, or null if the server gave none.
    const ServerState* state() const noexcept { return std::get_if<ServerState>(&outcome); }
    /// Why there is no state; only if there is none.
    const Failure& failure() const { return std::get<Failure>(outcome); }
};

/// Asks all these servers the same at the same time, each over a connection of its own, until
/// the deadline: one answer for each, in their order. Every failure is in the answer; throws only
/// std::bad_alloc.
std::vector<Answer> ask_servers(std::vector<std::vector<Setting>> servers, const Question& question,
                                Deadline deadline);

} // namespace checkpg
