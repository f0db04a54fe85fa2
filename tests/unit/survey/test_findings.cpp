#include "survey/findings.hpp"
#include "surveyed.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace checkpg;

namespace {

Routes found(const std::vector<SurveyedServer>& servers) {
    Routes routes;
    add_findings(routes, servers);
    return routes;
}

std::vector<SurveyedServer> good_cluster() {
    std::vector servers{primary_row("db1"), standby_row("db2"), standby_row("db3")};
    servers[0].gets_writes = true;
    servers[1].gets_reads = servers[2].gets_reads = true;
    return servers;
}

void check_only(const Routes& routes, RouteState state, std::string_view text) {
    REQUIRE(routes.problems.size() == 1);
    CHECK(routes.problems[0].state == state);
    CHECK(routes.problems[0].text == text);
    CHECK(routes.state == state);
    CHECK(routes.notes.empty());
}

} // namespace

TEST_CASE("nothing to say of a cluster that fits together") {
    const Routes routes = found(good_cluster());
    CHECK(routes.state == RouteState::ok);
    CHECK(routes.problems.empty());
    CHECK(routes.notes.empty());
    CHECK(found({}).problems.empty());
}

TEST_CASE("writes to a standby are critical, reads from a primary a warning") {
    auto servers = good_cluster();
    servers[1].gets_writes = true;
    check_only(found(servers), RouteState::critical,
               "HAProxy sends writes to db2, which says it is a standby");
    servers = good_cluster();
    servers[0].gets_reads = true;
    check_only(found(servers), RouteState::warning,
               "HAProxy sends reads to db1, which says it is the primary");
    servers[0].is_fallback = true; // that is what it is there for
    CHECK(found(servers).problems.empty());
}

TEST_CASE("a server without an answer is said once") {
    auto servers = good_cluster();
    servers.push_back(silent_row("db4"));
    check_only(found(servers), RouteState::warning,
               "db4 gives no answer: unreachable: Connection refused");
    servers.back().in_trouble = true; // HAProxy has said it
    CHECK(found(servers).problems.empty());
    servers.back().gets_reads = true;
    check_only(found(servers), RouteState::warning,
               "db4 gives no answer, and HAProxy routes to it (read-only): unreachable: Connection "
               "refused");
}

TEST_CASE("two primaries are critical, whoever gets the writes") {
    auto servers = good_cluster();
    servers.push_back(primary_row("db4"));
    state_of(servers.back()).identity->timeline = 2;
    check_only(found(servers), RouteState::critical,
               "2 servers say they are the primary: db1 (timeline 1), db4 (timeline 2)");
}

TEST_CASE("another system identifier is critical for a server with traffic") {
    auto servers = good_cluster();
    move_to_cluster(servers[2], "2");
    check_only(found(servers), RouteState::critical,
               "db3 is of another cluster than db1: its system identifier is 2, not 1");
    servers[2].gets_reads = false;
    CHECK(found(servers).state == RouteState::warning);
}

TEST_CASE("a standby on an older timeline is a warning, if that is known") {
    auto servers = good_cluster();
    state_of(servers[0]).identity->timeline = 2;
    state_of(servers[1]).vitals->received_timeline = 2;
    check_only(found(servers), RouteState::warning,
               "db3 is on timeline 1, older than that of the primary db1, 2");
    state_of(servers[2]).vitals->received_timeline.reset();
    state_of(servers[2]).receiver = Receiver::hidden;
    CHECK(found(servers).problems.empty());
}

TEST_CASE("major versions that differ are a warning, minor ones a note") {
    auto servers = good_cluster();
    servers[1].answer.contact.server_version = 150'017;
    CHECK(found(servers).state == RouteState::ok);
    CHECK(found(servers).notes ==
          std::vector<std::string>{
              "minor versions differ: PostgreSQL 15.18 (db1, db3), 15.17 (db2)"});
    servers[1].answer.contact.server_version = 160'001;
    check_only(found(servers), RouteState::warning,
               "major versions differ: PostgreSQL 16.1 (db2), 15.18 (db1, db3)");
}

TEST_CASE("what the role can't see is a note with its GRANT") {
    auto servers = good_cluster();
    state_of(servers[0]).vitals->connections.reset();
    state_of(servers[1]).vitals->connections.reset();
    CHECK(found(servers).notes ==
          std::vector<std::string>{"connections and what a WAL receiver does are hidden on db1, "
                                   "db2: GRANT pg_read_all_stats TO checkpg"});
    servers[0].user = servers[1].user = std::string{"Odd \"role\""};
    CHECK(found(servers).notes.front().ends_with("GRANT pg_read_all_stats TO the check's role"));
}

TEST_CASE("without a primary it is said from where lag is counted") {
    auto servers = good_cluster();
    servers[0] = silent_row("db1");
    servers[0].in_trouble = true;
    state_of(servers[2]).replay->received = 2000;
    CHECK(found(servers).notes ==
          std::vector<std::string>{
              "no primary answered: lag is counted from db3, which has the most WAL"});
}

TEST_CASE("replay that is paused is a note") {
    auto servers = good_cluster();
    state_of(servers[1]).replay->paused = true;
    CHECK(found(servers).notes == std::vector<std::string>{"replay is paused on db2"});
}

TEST_CASE("the worst problem comes first, HAProxy's among them") {
    Routes routes;
    routes.problems.push_back({RouteState::warning, "db4: unreachable", "db4: unreachable"});
    routes.state = RouteState::warning;
    auto servers = good_cluster();
    servers[1].gets_writes = true;
    add_findings(routes, servers);
    CHECK(routes.problems.front().state == RouteState::critical);
    CHECK(routes.problems.back().text == "db4: unreachable");
    CHECK(routes.state == RouteState::critical);
}
