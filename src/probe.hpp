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

/// What asking several servers came to.
struct Answers {
    std::vector<Answer> all; ///< in the servers' order
    /// At the deadline a server had said something, or would have listened, that we had no time
    /// for: this machine was too slow, and a server counted as timed out was not silent.
    bool unheard = false;
};

/// Asks all these servers the same at the same time, each over a connection of its own, until
/// the deadline. Names are looked up beside that. Every failure is in the answers; throws only
/// std::bad_alloc.
Answers ask_servers(std::vector<std::vector<Setting>> servers, const Question& question,
                    Deadline deadline);

} // namespace checkpg
