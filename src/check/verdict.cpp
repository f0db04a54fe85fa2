#include "check/verdict.hpp"

#include "check/standby_fitness.hpp"

#include <fmt/format.h>

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

std::string place(const Contact& contact) {
    return contact.address.empty() ? ""
                                   : fmt::format("{}, port {}: ", contact.address, contact.port);
}

/// The words for a peer that leaves no verdict.
std::string without_verdict(std::string_view what, const Answer& peer) {
    return fmt::format("{}: {}{}", what, place(peer.contact), peer.failure().text);
}

/// One objection weighs more than any number of peers that leave no verdict, and one that could
/// not be asked more than one for which there was no time.
Verdict judge_peers(const Demands& demands, const Identity& primary, const PeerAnswers& peers) {
    Verdict verdict = ok(Role::primary);
    std::size_t without_answer = 0;
    for (const Answer& peer : peers) {
        const PeerFinding finding = finding_of(primary, peer);
        switch (objection_of(demands.split_brain, finding)) {
        case Objection::split_brain:
            return {ExitCode::split_brain,
                    fmt::format("split brain: {}, port {}, is {}", peer.contact.address,
                                peer.contact.port, words(finding))};
        case Objection::none:
            without_answer += peer.state() == nullptr ? 1 : 0;
            break;
        case Objection::no_time:
            if (verdict.code == ExitCode::ok)
                verdict = {ExitCode::timed_out,
                           without_verdict("timed out: no time was left to hear all peers", peer)};
            break;
        case Objection::no_verdict:
            verdict = {ExitCode::internal, without_verdict("a peer could not be asked", peer)};
            break;
        }
    }
    if (verdict.code == ExitCode::ok && without_answer > 0)
        verdict.reason +=
            fmt::format("; {} of {} peers gave no answer", without_answer, peers.size());
    return verdict;
}

Verdict judge_primary(const Demands& demands, const ServerState& state, const PeerAnswers& peers) {
    if (!peers.empty() && !state.identity)
        return {ExitCode::internal, "a primary without identity can't be told from its peers"};
    Verdict verdict =
        peers.empty() ? ok(Role::primary) : judge_peers(demands, *state.identity, peers);
    if (verdict.code == ExitCode::ok && demands.require_writable && state.read_only.value_or(true))
        return {ExitCode::read_only, "primary, but its transactions are read-only"};
    return verdict;
}

/// A standby that lost its WAL receiver is as good as any other while there is no primary.
Verdict judge_without_receiver(const ServerState& state, const PeerAnswers& peers) {
    for (const Answer& peer : peers)
        if (peer.state() != nullptr && !peer.state()->in_recovery)
            return not_fit(fmt::format("it has no WAL receiver, and {}, port {}, is primary",
                                       peer.contact.address, peer.contact.port));
    if (peers.empty()) // a list that names none but this server
        return {ExitCode::internal, "there is no peer to ask whether one is primary"};
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

PeerFinding finding_of(const Identity& primary, const Answer& peer) noexcept {
    const ServerState* const state = peer.state();
    return state != nullptr ? peer_finding(primary, *state) : peer_finding(peer.failure().sign);
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
