#include "check/verdict.hpp"

#include <catch2/catch_test_macros.hpp>

using checkpg::Answer;
using checkpg::Demands;
using checkpg::ExitCode;
using checkpg::Failure;
using checkpg::Identity;
using checkpg::judge;
using checkpg::PeerAnswers;
using checkpg::Receiver;
using checkpg::Role;
using checkpg::ServerState;
using checkpg::Sign;
using checkpg::SplitBrain;
using checkpg::Streaming;

namespace {

Answer answer_of(const ServerState& state) { return {state, {}, nullptr}; }

Answer failed(ExitCode code, Sign sign = Sign::none) {
    return {Failure{code, "", "why", sign}, {}, nullptr};
}

Answer failed(Sign sign) { return failed(ExitCode::unreachable, sign); }

ServerState role(bool in_recovery) {
    ServerState state;
    state.in_recovery = in_recovery;
    return state;
}

/// A server of a cluster, known by when it was started.
Answer server(bool in_recovery, std::string cluster, std::int64_t started, std::uint32_t timeline) {
    ServerState state = role(in_recovery);
    state.identity = Identity{std::move(cluster), started, timeline};
    return answer_of(state);
}

const Answer primary = server(false, "7", 100, 2);

ExitCode with_peers(SplitBrain policy, const PeerAnswers& peers) {
    Demands demands;
    demands.split_brain = policy;
    return judge(Role::primary, demands, primary, peers).code;
}

} // namespace

TEST_CASE("a role is confirmed or denied") {
    CHECK(judge(Role::primary, {}, answer_of(role(false)), {}).code == ExitCode::ok);
    CHECK(judge(Role::standby, {}, answer_of(role(true)), {}).code == ExitCode::ok);
    CHECK(judge(Role::primary, {}, answer_of(role(true)), {}).code == ExitCode::other_role);
    CHECK(judge(Role::standby, {}, answer_of(role(false)), {}).code == ExitCode::other_role);
    CHECK(judge(Role::primary, {}, answer_of(role(true)), {}).reason == "standby, not primary");
}

TEST_CASE("a failure keeps its code for both roles") {
    for (const ExitCode code :
         {ExitCode::unreachable, ExitCode::timed_out, ExitCode::access_denied, ExitCode::not_ready,
          ExitCode::unexpected_answer, ExitCode::configuration})
        for (const Role wanted : {Role::primary, Role::standby})
            CHECK(judge(wanted, {}, failed(code), {}).code == code);
    const Answer starting{Failure{ExitCode::not_ready, "57P03", "FATAL: starting"}, {}, nullptr};
    CHECK(judge(Role::primary, {}, starting, {}).reason == "not ready: FATAL: starting (57P03)");
}

TEST_CASE("peers that are no primary are no objection, whatever else they are") {
    for (const SplitBrain policy : {SplitBrain::refuse, SplitBrain::newest_timeline}) {
        CHECK(with_peers(policy, {}) == ExitCode::ok);
        CHECK(with_peers(policy, {server(true, "7", 200, 0)}) == ExitCode::ok);
        CHECK(with_peers(policy, {server(true, "8", 200, 0)}) == ExitCode::ok);
        for (const Sign sign : {Sign::silence, Sign::refused, Sign::closed, Sign::absurd})
            CHECK(with_peers(policy, {failed(sign)}) == ExitCode::ok);
    }
}

TEST_CASE("the server itself under another name is no objection") {
    for (const SplitBrain policy : {SplitBrain::refuse, SplitBrain::newest_timeline})
        CHECK(with_peers(policy, {server(false, "7", 100, 2), server(false, "7", 100, 2)}) ==
              ExitCode::ok);
    // the same moment in another cluster is chance, or a copy
    CHECK(with_peers(SplitBrain::refuse, {server(false, "8", 100, 2)}) == ExitCode::split_brain);
}

TEST_CASE("another primary is judged by its timeline and the policy") {
    const struct {
        std::uint32_t timeline;
        ExitCode refuse;
        ExitCode newest_timeline;
    } cases[] = {{1, ExitCode::split_brain, ExitCode::ok},
                 {2, ExitCode::split_brain, ExitCode::split_brain},
                 {3, ExitCode::split_brain, ExitCode::split_brain}};
    for (const auto& [timeline, refuse, newest_timeline] : cases) {
        const Answer other = server(false, "7", 200, timeline);
        CHECK(with_peers(SplitBrain::refuse, {other}) == refuse);
        CHECK(with_peers(SplitBrain::newest_timeline, {other}) == newest_timeline);
    }
}

TEST_CASE("a primary of another cluster is an objection under both policies") {
    for (const SplitBrain policy : {SplitBrain::refuse, SplitBrain::newest_timeline})
        for (const std::uint32_t timeline : {1U, 2U, 3U})
            CHECK(with_peers(policy, {server(false, "8", 200, timeline)}) == ExitCode::split_brain);
}

TEST_CASE("one objection is enough, wherever it stands in the list") {
    const Answer standby_peer = server(true, "7", 200, 0);
    const Answer rival = server(false, "7", 300, 2);
    CHECK(with_peers(SplitBrain::refuse, {standby_peer, failed(Sign::silence), rival}) ==
          ExitCode::split_brain);
    CHECK(with_peers(SplitBrain::refuse, {rival, standby_peer}) == ExitCode::split_brain);
    CHECK(with_peers(SplitBrain::newest_timeline,
                     {server(false, "7", 300, 1), server(false, "7", 400, 3)}) ==
          ExitCode::split_brain);
}

TEST_CASE("peers that had not their full time are not silent") {
    const Answer unheard = failed(Sign::no_time);
    CHECK(with_peers(SplitBrain::refuse, {unheard}) == ExitCode::timed_out);
    CHECK(with_peers(SplitBrain::refuse, {unheard, failed(Sign::refused)}) == ExitCode::timed_out);
    CHECK(with_peers(SplitBrain::refuse, {unheard, server(false, "7", 300, 2)}) ==
          ExitCode::split_brain);
}

TEST_CASE("a peer that this machine could not ask leaves no verdict") {
    for (const ExitCode code :
         {ExitCode::unreachable, ExitCode::timed_out, ExitCode::access_denied, ExitCode::not_ready,
          ExitCode::unexpected_answer, ExitCode::internal, ExitCode::configuration}) {
        CHECK(with_peers(SplitBrain::refuse, {failed(code)}) == ExitCode::internal);
        CHECK(with_peers(SplitBrain::refuse, {failed(code), failed(Sign::no_time)}) ==
              ExitCode::internal);
        CHECK(with_peers(SplitBrain::refuse, {failed(code), server(false, "7", 300, 2)}) ==
              ExitCode::split_brain);
    }
}

TEST_CASE("the peer that leaves no verdict is named with the reason") {
    Answer peer = failed(Sign::none);
    peer.contact.address = "192.0.2.2";
    peer.contact.port = "5433";
    CHECK(judge(Role::primary, {}, primary, {peer}).reason ==
          "a peer could not be asked: 192.0.2.2, port 5433: why");
    CHECK(judge(Role::primary, {}, primary, {failed(Sign::none)}).reason ==
          "a peer could not be asked: why");
}

TEST_CASE("a primary that can't be told from its peers gets no verdict") {
    CHECK(judge(Role::primary, {}, answer_of(role(false)), {failed(Sign::refused)}).code ==
          ExitCode::internal);
}

TEST_CASE("a peer that says primary and nothing else is one") {
    CHECK(with_peers(SplitBrain::newest_timeline, {answer_of(role(false))}) ==
          ExitCode::split_brain);
}

TEST_CASE("how many peers gave no answer is told") {
    const PeerAnswers peers{failed(Sign::refused), server(true, "7", 200, 0),
                            failed(Sign::silence)};
    CHECK(judge(Role::primary, {}, primary, peers).reason ==
          "primary; 2 of 3 peers gave no answer");
    CHECK(judge(Role::primary, {}, primary, {}).reason == "primary");
}

TEST_CASE("a primary that can't write is one only if that is allowed") {
    Demands demands;
    ServerState state = role(false);
    state.read_only = true;
    CHECK(judge(Role::primary, demands, answer_of(state), {}).code == ExitCode::ok);
    demands.require_writable = true;
    CHECK(judge(Role::primary, demands, answer_of(state), {}).code == ExitCode::read_only);
    state.read_only = false;
    CHECK(judge(Role::primary, demands, answer_of(state), {}).code == ExitCode::ok);
    CHECK(judge(Role::primary, demands, answer_of(role(true)), {}).code == ExitCode::other_role);
}

TEST_CASE("split brain weighs more than read-only") {
    Demands demands;
    demands.require_writable = true;
    ServerState state = *primary.state();
    state.read_only = true;
    CHECK(judge(Role::primary, demands, answer_of(state), {server(false, "7", 9, 2)}).code ==
          ExitCode::split_brain);
}

TEST_CASE("a standby is fit by the limits that are set, and none is told to be") {
    ServerState state = role(true);
    CHECK(judge(Role::standby, {}, answer_of(state), {}).reason == "standby; no limits are set");
    Demands demands;
    demands.streaming = Streaming::required;
    state.receiver = Receiver::streaming;
    CHECK(judge(Role::standby, demands, answer_of(state), {}).reason ==
          "standby, fit by the limits you set");
    state.receiver = Receiver::none;
    CHECK(judge(Role::standby, demands, answer_of(state), {}).reason ==
          "standby, but not fit: it has no WAL receiver");
}

TEST_CASE("a standby without a WAL receiver goes by whether a peer is primary") {
    Demands demands;
    demands.streaming = Streaming::with_primary;
    ServerState state = *server(true, "7", 50, 0).state();
    state.receiver = Receiver::none;
    const auto beside = [&](const PeerAnswers& peers) {
        return judge(Role::standby, demands, answer_of(state), peers).code;
    };
    CHECK(beside({}) == ExitCode::internal); // a list of none but this server
    CHECK(beside({server(true, "7", 200, 0), failed(Sign::refused)}) == ExitCode::ok);
    CHECK(beside({failed(Sign::silence)}) == ExitCode::ok);
    CHECK(beside({server(true, "7", 200, 0), primary}) == ExitCode::standby_not_fit);
    CHECK(beside({failed(Sign::none), primary}) == ExitCode::standby_not_fit);
    CHECK(beside({server(false, "8", 200, 1)}) == ExitCode::standby_not_fit);
    CHECK(beside({failed(Sign::none)}) == ExitCode::internal); // not asked: no verdict
    CHECK(beside({failed(Sign::no_time)}) == ExitCode::timed_out);
}
