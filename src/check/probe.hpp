#pragma once

#include "check/connection.hpp"

#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace checkpg {

/// What asking one server came to.
struct Answer {
    std::variant<ServerState, Failure> outcome;
    Contact contact;
    /// What it was asked over, to ask again; null if that failed.
    std::shared_ptr<Connection> connection;
    /// What that connection may be kept for: connection_subject() from before it was made, so that
    /// a file that changed meanwhile makes another; empty: for nothing.
    std::string subject{};

    /// The state, or null if the server gave none.
    const ServerState* state() const noexcept { return std::get_if<ServerState>(&outcome); }
    /// Why there is no state; only if there is none.
    const Failure& failure() const { return std::get<Failure>(outcome); }
};

/// Asks the server until the deadline. Its name is looked up beside that, and of several addresses
/// libpq takes the first that accepts. Every failure is in the answer; throws only std::bad_alloc.
Answer ask_server(std::vector<Setting> server, const Question& question, Deadline deadline);

/// The same of several at the same time, in their order.
std::vector<Answer> ask_servers(std::vector<std::vector<Setting>> servers, const Question& question,
                                Deadline deadline);

/// Asks all these servers the same at the same time, each over a connection of its own, and gives
/// each of them `patience` from when its address is known. To one that stays silent it connects
/// again and again within the first half of that: a packet may be lost, and of several addresses
/// one may be dead. Only what passes while we listen counts as its time; who had not all of it when
/// the deadline comes has the sign no_time, and silence is known to be silence. In the servers'
/// order; every failure is in the answers; throws only std::bad_alloc.
std::vector<Answer> ask_servers(std::vector<std::vector<Setting>> servers, const Question& question,
                                milliseconds patience, Deadline deadline);

/// Asks a server again over the connection that its answer came by, and makes the answer the new
/// one. Only if there is one.
void ask_again(Answer& answer, const Question& question, Deadline deadline);

} // namespace checkpg
