#pragma once

#include "check/connection.hpp"

#include <memory>
#include <variant>

namespace checkpg {

/// What asking one server came to.
struct Answer {
    std::variant<ServerState, Failure> outcome;
    Contact contact;
    /// What it was asked over, to ask again; null if that failed.
    std::shared_ptr<Connection> connection;

    /// The state, or null if the server gave none.
    const ServerState* state() const noexcept { return std::get_if<ServerState>(&outcome); }
    /// Why there is no state; only if there is none.
    const Failure& failure() const { return std::get<Failure>(outcome); }
};

/// What asking several servers came to.
struct Answers {
    std::vector<Answer> all; ///< in the servers' order
    /// The deadline came while we were busy, not while we waited: who counts as timed out has not
    /// been silent, this machine was too slow to hear it.
    bool unheard = false;
};

/// Asks all these servers the same at the same time, each over a connection of its own, until
/// the deadline. Names are looked up beside that. Every failure is in the answers; throws only
/// std::bad_alloc.
Answers ask_servers(std::vector<std::vector<Setting>> servers, const Question& question,
                    Deadline deadline);

/// Asks a server again over the connection that its answer came by, and makes the answer the new
/// one. Only if there is one.
void ask_again(Answer& answer, const Question& question, Deadline deadline);

} // namespace checkpg
