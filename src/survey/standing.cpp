#include "survey/standing.hpp"

#include <algorithm>

namespace checkpg {

namespace {

bool same_cluster(const SurveyedServer& a, const SurveyedServer& b) {
    return a.answer.state() != nullptr && b.answer.state() != nullptr &&
           a.answer.state()->identity->same_cluster(*b.answer.state()->identity);
}

/// The end of the WAL that a server has.
std::uint64_t end_of_wal(const SurveyedServer& server) {
    const ServerState& state = *server.answer.state();
    return std::max({state.vitals->written.value_or(0), state.replay->received.value_or(0),
                     state.replay->replayed.value_or(0)});
}

/// Servers are not asked at the same instant: the standby may have what was written since.
std::uint64_t behind(std::uint64_t position, std::uint64_t written) noexcept {
    return written - std::min(position, written);
}

/// What the control file has may be old news, but nothing is newer than the primary's timeline.
std::optional<std::uint32_t> timeline_of(const ServerState& standby, std::uint32_t primarys) {
    const Vitals& vitals = *standby.vitals;
    if (vitals.received_timeline)
        return std::max(*vitals.received_timeline, vitals.recorded_timeline);
    if (standby.receiver == Receiver::hidden && vitals.recorded_timeline != primarys)
        return std::nullopt;
    return vitals.recorded_timeline;
}

} // namespace

bool SurveyedServer::is_same_as(const SurveyedServer& other) const noexcept {
    return answer.state()->identity->same_instance(*other.answer.state()->identity);
}

std::string routed_words(const SurveyedServer& server) {
    if (server.gets_writes)
        return server.gets_reads ? "both" : "read-write";
    return server.gets_reads ? "read-only" : "nowhere";
}

std::vector<const SurveyedServer*> primaries_of(const std::vector<SurveyedServer>& servers) {
    std::vector<const SurveyedServer*> primaries;
    for (const SurveyedServer& server : servers)
        if (server.is_primary() &&
            std::none_of(primaries.begin(), primaries.end(),
                         [&](const SurveyedServer* known) { return known->is_same_as(server); }))
            primaries.push_back(&server);
    return primaries;
}

const SurveyedServer* leader_of(const SurveyedServer& standby,
                                const std::vector<SurveyedServer>& servers) {
    const auto primaries = primaries_of(servers);
    const SurveyedServer* primary = nullptr;
    const SurveyedServer* furthest = &standby;
    for (const SurveyedServer* candidate : primaries) {
        if (!same_cluster(standby, *candidate))
            continue;
        if (primary != nullptr)
            return nullptr;
        primary = candidate;
    }
    if (primary != nullptr)
        return primary;
    std::size_t others = 0;
    for (const SurveyedServer& server : servers) {
        if (!same_cluster(standby, server) || server.name == standby.name)
            continue;
        ++others;
        if (end_of_wal(server) > end_of_wal(*furthest))
            furthest = &server;
    }
    return others > 0 ? furthest : nullptr;
}

Standing standing_of(const SurveyedServer& server, const std::vector<SurveyedServer>& servers) {
    Standing standing;
    const ServerState* const state = server.answer.state();
    if (state == nullptr)
        return standing;
    if (!state->in_recovery) {
        standing.timeline = state->identity->timeline;
        return standing;
    }
    const SurveyedServer* const leader = leader_of(server, servers);
    const bool has_primary = leader != nullptr && leader->is_primary();
    standing.timeline =
        timeline_of(*state, has_primary ? leader->answer.state()->identity->timeline : 0);
    if (leader == nullptr)
        return standing;
    const Replay& replay = *state->replay;
    if (replay.replayed)
        standing.replay_lag = behind(*replay.replayed, end_of_wal(*leader));
    if (replay.received) // it goes back to the start of a file when the server starts
        standing.receive_lag = behind(end_of_wal(server), end_of_wal(*leader));
    return standing;
}

} // namespace checkpg
