#include "routes/json.hpp"
#include "routes/text.hpp"
#include "stat_tables.hpp"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include <string>

using namespace checkpg;

namespace {

const RouteRules rules{{"rw"}, {"ro"}, 90};

std::vector<StatRow> small_cluster() {
    std::vector<StatRow> rows{
        frontend_row("front"),
        server_row("rw", "db1", "UP", "* PROCOK", 0),
        server_row("rw", "db2", "DOWN", "PROCERR", 4),
        backend_row("rw"),
        server_row("ro", "db1", "DOWN", "PROCERR", 1),
        server_row("ro", "db3", "UP", "PROCOK", 0),
        backend_row("ro"),
    };
    rows[1].check_duration = 5;
    rows[1].sessions = 7;
    rows[1].most_sessions = 135;
    rows[1].session_limit = 200;
    rows[1].since_change = 11520;
    rows[1].address = "192.0.2.11:5432";
    rows[2].check_duration = 13'415;
    rows[2].check_detail = "what, \x1b[31m";
    rows[3].sessions = 7;
    rows[3].most_sessions = 135;
    return rows;
}

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines)
        text += line + '\n';
    return text;
}

} // namespace

TEST_CASE("the table has a line for each frontend, server and named backend") {
    const Routes routes = conclude(small_cluster(), rules);
    CHECK(joined(table_lines(routes, {})) == "BACKEND  SERVER    STATUS  CHECK                 "
                                             "TOOK  SESSIONS  MOST  LIMIT  QUEUE  CHANGED\n"
                                             "front    FRONTEND  OPEN    -                        "
                                             "-         0     0      -      -        -\n"
                                             "rw       db1       UP      primary (checking)    5 "
                                             "ms         7   135    200      0    3h12m\n"
                                             "rw       db2       DOWN    access denied       13.4 "
                                             "s         0     0      -      0        -\n"
                                             "rw       BACKEND   UP      -                        "
                                             "-         7   135      -      0        -\n"
                                             "ro       db1       DOWN    primary                  "
                                             "-         0     0      -      0        -\n"
                                             "ro       db3       UP      standby                  "
                                             "-         0     0      -      0        -\n"
                                             "ro       BACKEND   UP      -                        "
                                             "-         0     0      -      0        -\n");
}

TEST_CASE("option -v adds HAProxy's own words, addresses and details, fit for a terminal") {
    const auto lines = table_lines(conclude(small_cluster(), rules), {false, true, false});
    CHECK(lines[2].ends_with("  * PROCOK 0  192.0.2.11:5432  -"));
    CHECK(lines[3].ends_with("  PROCERR 4   -                what, ?[31m"));
}

TEST_CASE("several processes get a column, changes a mark") {
    auto rows = small_cluster();
    rows.push_back(rows.back());
    rows.back().process = 2;
    Routes routes = conclude(rows, rules);
    routes.entries[1].changed = true;
    const auto lines = table_lines(routes, {false, false, true});
    CHECK(lines[0].starts_with("  PROCESS  BACKEND  "));
    CHECK(lines[1].starts_with("        1  front    "));
    CHECK(lines[2].starts_with(">       1  rw       db1 "));
    CHECK(lines.back().starts_with("        2  ro       BACKEND "));
}

TEST_CASE("conclusions: who is who, why not, how much") {
    const Routes routes = conclude(small_cluster(), rules);
    CHECK(joined(conclusion_lines(routes, {})) ==
          "primary:   db1\n"
          "standbys:  db3\n"
          "neither:   db2: access denied\n"
          "sessions:  7 read-write (most 135), 0 read-only (most 0), 0 queued\n"
          "warning:   db2: access denied\n");
}

TEST_CASE("colours are there only on request") {
    const Routes routes = conclude(small_cluster(), rules);
    for (const TextStyle style : {TextStyle{}, TextStyle{true, false, false}}) {
        const std::string all = joined(table_lines(routes, style)) +
                                joined(conclusion_lines(routes, style)) + state_line(routes, style);
        CHECK((all.find('\x1b') != std::string::npos) == style.colour);
    }
}

TEST_CASE("the last line is for monitoring systems") {
    CHECK(monitoring_line(conclude(small_cluster(), rules), {}) ==
          "WARNING: db2: access denied; primary db1, 1 standby, sessions 7 read-write and 0 "
          "read-only | primaries=1;1:1;1:1;0 standbys=1;1:;;0 sessions_read_write=7;;;0 "
          "sessions_read_only=0;;;0 queued=0;0;;0");
    auto rows = small_cluster();
    rows.erase(rows.begin() + 2);
    CHECK(state_line(conclude(rows, rules), {}) ==
          "OK: primary db1, 1 standby, sessions 7 read-write and 0 read-only");
    rows[1].status = "DOWN";
    CHECK(state_line(conclude(rows, rules), {}) ==
          "CRITICAL: no primary: 1 coming up (and 1 more)");
}

TEST_CASE("an unknown state has a reason, no table and no performance data") {
    const Routes routes = unknown_routes("a|b is silent");
    CHECK(monitoring_line(routes, {}) == "UNKNOWN: a/b is silent");
    CHECK(table_lines(routes, {}).empty());
    CHECK(conclusion_lines(routes, {}).empty());
}

TEST_CASE("ages are as exact as an eye needs") {
    CHECK(format_age(0) == "0s");
    CHECK(format_age(59) == "59s");
    CHECK(format_age(60) == "1m00s");
    CHECK(format_age(3599) == "59m59s");
    CHECK(format_age(3600) == "1h00m");
    CHECK(format_age(86'400 + 7200) == "1d02h");
    CHECK(format_age(-1) == "-");
    CHECK(format_age({}) == "-");
}

TEST_CASE("JSON has the documented keys") {
    const auto json = nlohmann::json::parse(to_json(conclude(small_cluster(), rules), false));
    CHECK(json["schema"] == 1);
    CHECK(json["state"] == "warning");
    CHECK(json["problems"][0]["state"] == "warning");
    CHECK(json["problems"][0]["text"] == "db2: access denied");
    CHECK(json["primaries"] == std::vector<std::string>{"db1"});
    CHECK(json["standbys"] == std::vector<std::string>{"db3"});
    CHECK(json["neither"][0]["name"] == "db2");
    CHECK(json["neither"][0]["reason"] == "access denied");
    CHECK(json["sessions"]["read_write"]["now"] == 7);
    CHECK(json["sessions"]["read_write"]["most"] == 135);
    CHECK(json["queued"] == 0);
    CHECK(json["frontends"].size() == 1);
    CHECK(json["frontends"][0]["status"] == "OPEN");
    CHECK(json["backends"].size() == 2);
    CHECK(json["backends"][0]["role"] == "read-write");
    const auto& server = json["servers"][0];
    CHECK(server["backend"] == "rw");
    CHECK(server["role"] == "read-write");
    CHECK(server["name"] == "db1");
    CHECK(server["address"] == "192.0.2.11:5432");
    CHECK(server["serving"] == true);
    CHECK(server["check"]["words"] == "primary");
    CHECK(server["check"]["passed"] == true);
    CHECK(server["check"]["running"] == true);
    CHECK(server["check"]["status"] == "* PROCOK");
    CHECK(server["check"]["code"] == 0);
    CHECK(server["check"]["milliseconds"] == 5);
    CHECK(server["sessions"]["limit"] == 200);
    CHECK(server["changed_seconds"] == 11520);
    CHECK(json["servers"][1]["address"].is_null());
}

TEST_CASE("JSON of an unknown state, on one line, whatever bytes are in it") {
    const std::string text = to_json(unknown_routes("\xff|\n"), true);
    CHECK(text.find('\n') == std::string::npos);
    const auto json = nlohmann::json::parse(text);
    CHECK(json["state"] == "unknown");
    CHECK(json["sessions"].is_null());
    CHECK(json["queued"].is_null());
    CHECK(json["servers"].empty());
}
