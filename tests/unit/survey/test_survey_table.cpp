#include "survey/survey_json.hpp"
#include "survey/survey_table.hpp"
#include "surveyed.hpp"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

using namespace checkpg;

namespace {

std::vector<SurveyedServer> some_servers() {
    std::vector servers{primary_row("db1", 4'250'000), standby_row("db2", 4'250'000, 1'000'000),
                        silent_row("db\x1b")};
    servers[0].gets_writes = true;
    servers[0].answer.contact.tls = "TLSv1.3, TLS_AES_256_GCM_SHA384";
    servers[0].answer.contact.authentication = "SASL (SCRAM-SHA-256)";
    servers[1].gets_reads = true;
    state_of(servers[1]).vitals->connections.reset();
    return servers;
}

} // namespace

TEST_CASE("a survey has a line for each server, and what can't be known is a dash") {
    const auto lines = survey_lines(some_servers(), {});
    REQUIRE(lines.size() == 4);
    CHECK(lines[0] ==
          "NAME  ADDRESS          ROUTED      ROLE     TIMELINE  RECEIVE-LAG  REPLAY-LAG  AGE     "
          "UPTIME  CONNECTIONS  VERSION  TLS      AUTHENTICATION");
    CHECK(lines[1] ==
          "db1   192.0.2.11:5432  read-write  primary  1         -            -           -       "
          "2d04h   12/100       15.18    TLSv1.3  SASL (SCRAM-SHA-256)");
    CHECK(lines[2] ==
          "db2   192.0.2.11:5432  read-only   standby  1         0 B          3.1 MB      13.4 s  "
          "2d04h   -/100        15.18    -        -");
    CHECK(lines[3] == "db?   192.0.2.14:5432  nowhere     unreachable: Connection refused");
    CHECK(survey_lines(some_servers(), {true, false, false})[3].ends_with(
        "\x1b[31munreachable: Connection refused\x1b[0m"));
}

TEST_CASE("as JSON it stands beside what HAProxy says") {
    const auto object = nlohmann::json::parse(to_json(Routes{}, some_servers(), true));
    CHECK(object["state"] == "ok");
    REQUIRE(object["asked"].size() == 3);
    const auto& standby = object["asked"][1];
    CHECK(standby["routed"] == "read-only");
    CHECK(standby["replay_lag_bytes"] == 3'250'000);
    CHECK(standby["last_replay_age_ms"] == 13'415);
    CHECK(standby["connections"].is_null());
    CHECK(standby["max_connections"] == 100);
    CHECK(standby["failure"].is_null());
    const auto& silent = object["asked"][2];
    CHECK(silent["role"].is_null());
    CHECK(silent["server_version"].is_null());
    CHECK(silent["failure"]["exit_code"] == 2);
    CHECK(silent["failure"]["text"] == "Connection refused");
}
