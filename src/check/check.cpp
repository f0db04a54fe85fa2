#include "check/check.hpp"

#include "base/error.hpp"
#include "check/memory.hpp"
#include "check/process.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace checkpg {

namespace {

using namespace std::chrono_literals;

/// How long WAL may wait that has just arrived after a quiet time. See ask_again().
constexpr milliseconds replay_grace = 100ms;

Question question_for(Role wanted, const Settings& settings) {
    const Demands& demands = settings.demands;
    Question question;
    if (wanted == Role::primary) {
        question.identity = settings.has_peers();
        question.writable = demands.require_writable;
    } else {
        question.replay = demands.max_replay_lag || demands.max_replay_delay;
        question.receiver = demands.require_streaming;
    }
    return question;
}

Answer ask(const Settings& settings, const Question& question, Deadline deadline) {
    return checkpg::ask_server(settings.connection, question, deadline);
}

/// After a quiet hour the first WAL to arrive is, for a moment, behind a transaction that is an
/// hour old: a healthy standby that must not be turned away. So what waited when it looked too
/// late is given a moment, and counts only if it still waits then.
Answer ask_again(const Replay& first, const Settings& settings, const Question& question,
                 Deadline deadline) {
    std::this_thread::sleep_until(
        earlier(Deadline::in(replay_grace), Deadline::in(deadline.remaining() / 2)).when());
    Answer second = ask(settings, question, deadline);
    if (auto* const state = std::get_if<ServerState>(&second.outcome); state && state->replay)
        state->replay->caught_up = state->replay->replayed >= first.received;
    return second;
}

Answer ask_server(const Settings& settings, const Question& question, Deadline deadline) {
    Answer answer = ask(settings, question, deadline);
    const ServerState* const state = answer.state();
    if (state != nullptr && state->in_recovery && state->replay &&
        is_too_late(settings.demands, *state->replay))
        return ask_again(*state->replay, settings, question, deadline);
    return answer;
}

/// Each of them may open a socket, a certificate and what looks its name up. A peer that can't be
/// asked for want of these would pass for one that is down: no objection, where there is one.
void refuse_few_descriptors(std::size_t servers) {
    constexpr std::size_t descriptors_each = 3;
    if (!has_descriptors(servers * descriptors_each))
        throw Error{ExitCode::internal, "too few file descriptors are left to ask the peers"};
}

/// What is configured is no fault of a server's: it has room beside what servers may use. OpenSSL
/// reads the files anew for each connection, and all of them are held at once.
void make_room(const Settings& settings, std::size_t servers) {
    constexpr std::size_t times_its_size = 12; // a revocation list in OpenSSL's memory takes 4 to 7
    raise_memory_bound(servers * settings.file_bytes * times_its_size);
}

void ask_peers(Check& check, const Settings& settings, Deadline deadline) {
    std::vector<std::vector<Setting>> servers;
    for (const Peer& peer : find_peers(settings, deadline))
        if (!is_at(peer, settings.connection)) {
            check.asked.push_back(peer);
            servers.push_back(settings_for(peer, settings.connection));
        }
    refuse_few_descriptors(servers.size());
    make_room(settings, servers.size() + 1);
    Question question;
    question.identity = true;
    check.peers = ask_servers(std::move(servers), question, settings.peer_timeout, deadline);
}

/// Found out before anybody is asked: else it would show only once the server is the primary.
void refuse_unnamed_backend(Role wanted, const Settings& settings) {
    if (wanted == Role::primary && settings.haproxy_peers &&
        settings.haproxy_peers->backend.empty())
        throw usage_error("peers = haproxy: name the backend with --backend");
}

} // namespace

Check check_server(Role wanted, const Settings& settings, Deadline deadline) {
    refuse_unnamed_backend(wanted, settings);
    make_room(settings, 1);
    Check check;
    check.server = ask_server(settings, question_for(wanted, settings), deadline);
    const ServerState* const state = check.server.state();
    try {
        if (wanted == Role::primary && state != nullptr && !state->in_recovery)
            ask_peers(check, settings, deadline);
        check.verdict = judge(wanted, settings.demands, check.server, check.peers);
    } catch (const HaproxyError& error) {
        check.verdict = {ExitCode::internal,
                         fmt::format("HAProxy can't be asked for the peers: {}", error.what())};
    }
    return check;
}

} // namespace checkpg
