#include "survey/standing.hpp"
#include "surveyed.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace checkpg;

TEST_CASE("lag is what the primary has written since") {
    const std::vector servers{primary_row("db1", 5000), standby_row("db2", 4000, 1000)};
    const Standing standing = standing_of(servers[1], servers);
    CHECK(standing.receive_lag == 1000U);
    CHECK(standing.replay_lag == 4000U);
    CHECK_FALSE(standing_of(servers[0], servers).replay_lag);
}

TEST_CASE("a standby that was asked later is not behind") {
    const std::vector servers{primary_row("db1", 5000), standby_row("db2", 5100, 5050)};
    CHECK(standing_of(servers[1], servers).receive_lag == 0U);
    CHECK(standing_of(servers[1], servers).replay_lag == 0U);
}

TEST_CASE("a standby has received what it has replayed, and nothing is known of one that has not") {
    std::vector servers{primary_row("db1", 5000), standby_row("db2", 1000, 4000)};
    CHECK(standing_of(servers[1], servers).receive_lag == 1000U);
    state_of(servers[1]).replay->received.reset(); // from an archive
    CHECK_FALSE(standing_of(servers[1], servers).receive_lag);
    CHECK(standing_of(servers[1], servers).replay_lag == 1000U);
}

TEST_CASE("without a primary lag is counted from the standby that has most") {
    const std::vector servers{standby_row("db2", 4000, 1000), silent_row("db1"),
                              standby_row("db3", 3000, 3000)};
    CHECK(leader_of(servers[2], servers) == &servers[0]);
    CHECK(standing_of(servers[0], servers).receive_lag == 0U);
    CHECK(standing_of(servers[0], servers).replay_lag == 3000U);
    CHECK(standing_of(servers[2], servers).replay_lag == 1000U);
}

TEST_CASE("a standby that nobody else is beside has no lag") {
    const std::vector servers{standby_row("db2", 4000, 1000), silent_row("db1")};
    CHECK_FALSE(standing_of(servers[0], servers).replay_lag);
    CHECK_FALSE(standing_of(servers[0], servers).receive_lag);
}

TEST_CASE("with two primaries, or none of its cluster, there is no lag") {
    std::vector servers{primary_row("db1"), primary_row("db4"), standby_row("db2")};
    CHECK_FALSE(standing_of(servers[2], servers).replay_lag);
    move_to_cluster(servers[1], "2"); // it is none of this cluster's
    CHECK(standing_of(servers[2], servers).replay_lag == 0U);
    move_to_cluster(servers[2], "3");
    CHECK(leader_of(servers[2], servers) == nullptr);
}

TEST_CASE("a primary under two names is one") {
    std::vector servers{primary_row("db1"), primary_row("db1"), standby_row("db2")};
    servers[1].name = std::string{"vip"};
    CHECK(primaries_of(servers).size() == 1);
    CHECK(standing_of(servers[2], servers).replay_lag == 0U);
}

TEST_CASE("a standby's timeline is what it receives, else what its control file has") {
    std::vector servers{primary_row("db1"), standby_row("db2")};
    state_of(servers[0]).identity->timeline = 3;
    CHECK(standing_of(servers[0], servers).timeline == 3U);
    state_of(servers[1]).vitals->received_timeline = 2;
    CHECK(standing_of(servers[1], servers).timeline == 2U);
    state_of(servers[1]).vitals->received_timeline.reset();
    state_of(servers[1]).receiver = Receiver::none;
    CHECK(standing_of(servers[1], servers).timeline == 1U);
}

TEST_CASE("a timeline that may be old news is not known, unless it is the primary's") {
    std::vector servers{primary_row("db1"), standby_row("db2")};
    state_of(servers[1]).vitals->received_timeline.reset();
    state_of(servers[1]).receiver = Receiver::hidden;
    CHECK(standing_of(servers[1], servers).timeline == 1U);
    state_of(servers[0]).identity->timeline = 2;
    CHECK_FALSE(standing_of(servers[1], servers).timeline);
    CHECK_FALSE(standing_of(servers[1], {servers[1]}).timeline);
}
