#include "check/verdict.hpp"

#include "check/standby_fitness.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace checkpg {

namespace {

Verdict ok(Role role) { return {ExitCode::ok, std::string{words(role)}}; }

Verdict judge_failure(const Failure& failure) {
    const bool spelt = !failure.sqlstate.empty();
    return {failure.code, fmt::format("{}: {}{}", words(failure.code), failure.text,
                                      spelt ? fmt::format(" ({})", failure.sqlstate) : "")};
}

Verdict not_fit(std::string_view why) {
    return {ExitCode::standby_not_fit, fmt::format("standby, but not fit: {}", why)};
}

bool is_objection(SplitBrain policy, PeerFinding finding) noexcept {
    switch (finding) {
    case PeerFinding::foreign_primary:
    case PeerFinding::newer_primary:
    case PeerFinding::equal_primary:
        return true;
    case PeerFinding::older_primary:
        return policy == SplitBrain::refuse;
    default:
        return false;
    }
}

PeerFinding finding_of_failure(ExitCode code) noexcept {
    switch (code) {
    case ExitCode::timed_out:
        return PeerFinding::silent;
    case ExitCode::internal:
    case ExitCode::configuration: // the server's own connection was made with the same files
        return PeerFinding::not_asked;
    default:
        return PeerFinding::no_answer;
    }
}

/// No verdict at all if not every peer was asked and had its time: only then is it silent.
Verdict judge_peers(const Demands& demands, const Identity& primary, const PeerAnswers& peers) {
    Verdict verdict = ok(Role::primary);
    std::size_t without_answer = 0;
    for (const Answer& peer : peers.answers) {
        const PeerFinding finding = peer_finding(primary, peer);
        const bool silent = finding == PeerFinding::silent;
        if (is_objection(demands.split_brain, finding))
            return {ExitCode::split_brain,
                    fmt::format("split brain: {}, port {}, is {}", peer.contact.address,
                                peer.contact.port, words(finding))};
        if (finding == PeerFinding::not_asked)
            verdict = {ExitCode::internal, "a peer could not be asked: " + peer.failure().text};
        else if (silent && peers.cut_short && verdict.code == ExitCode::ok)
            verdict = {ExitCode::timed_out, "timed out: no time was left to hear all peers"};
        without_answer += silent || finding == PeerFinding::no_answer ? 1 : 0;
    }
    if (verdict.code == ExitCode::ok && without_answer > 0)
        verdict.reason +=
            fmt::format("; {} of {} peers gave no answer", without_answer, peers.answers.size());
    return verdict;
}

Verdict judge_primary(const Demands& demands, const ServerState& state, const PeerAnswers& peers) {
    Verdict verdict = ok(Role::primary);
    if (state.identity)
        verdict = judge_peers(demands, *state.identity, peers);
    if (verdict.code == ExitCode::ok && demands.require_writable && state.read_only.value_or(true))
        return {ExitCode::read_only, "primary, but its transactions are read-only"};
    return verdict;
}

/// A standby that lost its WAL receiver is as good as any other while there is no primary.
Verdict judge_without_receiver(const ServerState& state, const PeerAnswers& peers) {
    for (const Answer& peer : peers.answers)
        if (peer.state() != nullptr && !peer.state()->in_recovery)
            return not_fit(fmt::format("it has no WAL receiver, and {}, port {}, is primary",
                                       peer.contact.address, peer.contact.port));
    Verdict verdict = judge_peers({}, state.identity.value_or(Identity{}), peers);
    if (verdict.code != ExitCode::ok)
        return verdict;
    return {ExitCode::ok, "standby without a WAL receiver; no peer is known to be primary"};
}

Verdict judge_standby(const Demands& demands, const ServerState& state, const PeerAnswers& peers) {
    const Fitness found = fitness(demands, state);
    if (found == Fitness::unless_primary)
        return judge_without_receiver(state, peers);
    if (found != Fitness::fit)
        return not_fit(why_not_fit(found, demands, state));
    return {ExitCode::ok, limits_standbys(demands) ? "standby, fit by the limits you set"
                                                   : "standby; no limits are set"};
}

} // namespace

PeerFinding peer_finding(const Identity& primary, const Answer& peer) {
    const ServerState* const state = peer.state();
    if (state == nullptr)
        return finding_of_failure(peer.failure().code);
    if (state->in_recovery || !state->identity)
        return PeerFinding::standby;
    const Identity& other = *state->identity;
    if (primary.same_instance(other))
        return PeerFinding::same_instance;
    if (!primary.same_cluster(other))
        return PeerFinding::foreign_primary;
    if (other.timeline == primary.timeline)
        return PeerFinding::equal_primary;
    return other.timeline < primary.timeline ? PeerFinding::older_primary
                                             : PeerFinding::newer_primary;
}

std::string_view words(PeerFinding finding) noexcept {
    switch (finding) {
    case PeerFinding::silent:
        return "silent";
    case PeerFinding::no_answer:
        return "without an answer";
    case PeerFinding::not_asked:
        return "not asked";
    case PeerFinding::standby:
        return "a standby";
    case PeerFinding::same_instance:
        return "this very server";
    case PeerFinding::older_primary:
        return "primary too, on an older timeline";
    case PeerFinding::equal_primary:
        return "primary too, on the same timeline";
    case PeerFinding::newer_primary:
        return "primary too, on a newer timeline";
    case PeerFinding::foreign_primary:
        return "primary of another cluster";
    }
    return "unknown";
}

Verdict judge(Role wanted, const Demands& demands, const Answer& server, const PeerAnswers& peers) {
    const ServerState* const state = server.state();
    if (state == nullptr)
        return judge_failure(server.failure());
    const Role role = state->in_recovery ? Role::standby : Role::primary;
    if (role != wanted)
        return {ExitCode::other_role, fmt::format("{}, not {}", words(role), words(wanted))};
    return role == Role::primary ? judge_primary(demands, *state, peers)
                                 : judge_standby(demands, *state, peers);
}

} // namespace checkpg
