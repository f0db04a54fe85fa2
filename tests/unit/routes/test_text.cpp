#include "routes/clusters.hpp"
#include "routes/entry_table.hpp"
#include "routes/json.hpp"
#include "routes/performance_data.hpp"
#include "routes/server_table.hpp"
#include "routes/state_line.hpp"
#include "routes/text.hpp"
#include "stat_tables.hpp"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include <string>

using namespace checkpg;

namespace {

const RouteRules rules{{"rw"}, {"ro"}, 90};

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines)
        text += line + '\n';
    return text;
}

} // namespace

TEST_CASE("the table has a line for each frontend, server and named backend") {
    const Routes routes = conclude(small_cluster(), rules);
    CHECK(joined(entry_table(routes, {})) == "BACKEND  SERVER    STATUS  CHECK                 "
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
    const auto lines = entry_table(conclude(small_cluster(), rules), {false, true, false});
    CHECK(lines[2].ends_with("  * PROCOK 0  192.0.2.11:5432  -"));
    CHECK(lines[3].ends_with("  PROCERR 4   -                what, ?[31m"));
}

TEST_CASE("several processes get a column, changes a mark") {
    auto rows = small_cluster();
    rows.push_back(rows.back());
    rows.back().process = 2;
    Routes routes = conclude(rows, rules);
    routes.entries[1].changed = true;
    const auto lines = entry_table(routes, {false, false, true});
    CHECK(lines[0].starts_with("  PROCESS  BACKEND  "));
    CHECK(lines[1].starts_with("        1  front    "));
    CHECK(lines[2].starts_with(">       1  rw       db1 "));
    CHECK(lines.back().starts_with("        2  ro       BACKEND "));
}

TEST_CASE("one line for each server, worst first") {
    const Routes routes = conclude(small_cluster(), rules);
    CHECK(joined(server_table(routes, {})) ==
          "SERVER  READ-WRITE     READ-ONLY  SESSIONS  SINCE\n"
          "db2     access denied  -                 0      -\n"
          "db1     UP             primary           7  3h12m\n"
          "db3     -              UP                0      -\n");
    CHECK(server_table(routes, {false, true, false, false})[2] ==
          "db1     UP             primary           7  3h12m  * PROCOK 0 / PROCERR 1  "
          "192.0.2.11:5432 / -  -");
}

TEST_CASE("what changed stands behind what is broken and before the rest") {
    auto rows = small_cluster();
    for (const char* name : {"db4", "db5"})
        rows.push_back(server_row("ro", name, "UP", "PROCOK", 0));
    Routes routes = conclude(rows, rules);
    routes.entries.back().changed = true;
    const auto lines = server_table(routes, {false, false, true, false});
    CHECK(lines[1].starts_with("  db2 "));
    CHECK(lines[2].starts_with("> db5 "));
    CHECK(lines[3].starts_with("  db1 "));
}

TEST_CASE("a server that gets traffic though something is wrong shows both") {
    auto rows = small_cluster();
    rows[1].check_status = "PROCERR";
    rows[1].check_code = 2;
    rows[5].check_status = "INI";
    const auto lines = server_table(conclude(rows, rules), {});
    CHECK(lines[2].starts_with("db1     UP, unreachable  primary "));
    CHECK(lines[3].starts_with("db3     -                UP, not checked yet "));
}

TEST_CASE("names of other letters than ASCII's don't move the columns") {
    auto rows = small_cluster();
    rows[1].server = rows[4].server = "d\u00e41";
    const auto lines = server_table(conclude(rows, rules), {});
    CHECK(lines[2].starts_with("d\u00e41     UP "));
}

TEST_CASE("below the state line: the other problems, the table, notes") {
    auto rows = small_cluster();
    rows.push_back(backend_row("spare"));
    const Routes routes = conclude(rows, {{"rw", "spare"}, {"ro"}, 90});
    CHECK(state_text(routes) ==
          "spare has no server that gets traffic (and 1 more); primary db1 for 3h12m, standby db3");
    const auto lines = text_below(routes, {}).lines();
    CHECK(lines[0] == "warning: db2: access denied");
    CHECK(lines[1].starts_with("SERVER "));
    CHECK(text_below(routes, {false, false, false, true}).table[0].starts_with("BACKEND "));
}

TEST_CASE("colours are there only on request") {
    const Routes routes = conclude(small_cluster(), rules);
    for (const bool table : {true, false})
        for (const bool colour : {true, false}) {
            const TextStyle style{colour, false, false, table};
            const std::string all = report_text(routes, text_below(routes, style), style, "");
            CHECK((all.find('\x1b') != std::string::npos) == colour);
        }
}

TEST_CASE("the first line is for monitoring systems") {
    auto rows = small_cluster();
    CHECK(state_line(conclude(rows, rules), false) ==
          "WARNING: db2: access denied; primary db1 for 3h12m, standby db3; sessions 7 read-write "
          "and 0 read-only");
    rows.erase(rows.begin() + 2);
    CHECK(state_line(conclude(rows, rules), false) ==
          "OK: primary db1 for 3h12m, standby db3; sessions 7 read-write and 0 read-only");
    rows.push_back(server_row("ro", "db4", "UP", "PROCOK", 0));
    CHECK(state_line(conclude(rows, rules), false)
              .starts_with("OK: primary db1 for 3h12m, standbys db3, db4; "));
    rows[1].status = "DOWN 1/2";
    rows[2].status = "DOWN";
    rows[2].since_change = 180;
    CHECK(state_line(conclude(rows, rules), false) ==
          "CRITICAL: no primary for 3m00s: db1 coming up; standbys db3, db4");
}

TEST_CASE("performance data has ranges and limits where they are known") {
    auto rows = small_cluster();
    RouteRules ranges = rules;
    CHECK(performance_data(conclude(rows, ranges), ranges) ==
          "primaries=1;1:1;1:1;0 standbys=1;1:;;0;2 sessions_read_write=7;;;0;200 "
          "sessions_read_only=0;;;0 queued=0;0;;0");
    CHECK(ranges.warning.add("queued=10"));
    CHECK(ranges.critical.add("standbys=2:"));
    rows[0].proxy = "ro-frontend";
    rows[0].session_limit = 50;
    CHECK(performance_data(conclude(rows, ranges), ranges, "x_") ==
          "x_primaries=1;1:1;1:1;0 x_standbys=1;1:;2:;0;2 x_sessions_read_write=7;;;0;200 "
          "x_sessions_read_only=0;;;0;50 x_queued=0;10;;0");
}

TEST_CASE("there is one '|', before the performance data") {
    auto rows = small_cluster();
    rows[2].server = "d|b";
    const Routes routes = conclude(rows, rules);
    const std::string text = report_text(routes, text_below(routes, {}), {}, "data");
    CHECK(text.find('|') == text.rfind('|'));
    CHECK(text.starts_with("WARNING: d/b: access denied; "));
}

TEST_CASE("an unknown state has a reason, no table and no performance data") {
    const Routes routes = unknown_routes("a|b is silent");
    CHECK(report_text(routes, text_below(routes, {}), {}, performance_data(routes, rules)) ==
          "UNKNOWN: a/b is silent\n");
}

TEST_CASE("several clusters: a line each, worst first") {
    auto rows = small_cluster();
    rows.erase(rows.begin() + 2);
    std::vector<ClusterRoutes> clusters(3);
    clusters[0].settings.cluster = "orders";
    clusters[0].routes = conclude(rows, rules);
    clusters[1].settings.cluster = "crm";
    clusters[1].routes = unknown_routes("no socket");
    rows[1].status = "DOWN";
    clusters[2].settings.cluster = "web";
    clusters[2].routes = conclude(rows, rules);
    CHECK(worst_state(clusters) == RouteState::critical);
    const std::string text = clusters_text(clusters, false, true);
    CHECK(text.starts_with("CRITICAL: web: no primary: db1 coming up; standby db3 | "
                           "web_primaries=0;"));
    CHECK(text.find("\nUNKNOWN: crm: no socket\nOK: orders: primary db1 for 3h12m") !=
          std::string::npos);
    const auto json = nlohmann::json::parse(to_json(clusters));
    CHECK(json["state"] == "critical");
    CHECK(json["clusters"][1]["cluster"] == "crm");
    CHECK(json["clusters"][1]["state"] == "unknown");
}

TEST_CASE("ages are as exact as an eye needs") {
    CHECK(age_cell(0) == "0s");
    CHECK(age_cell(59) == "59s");
    CHECK(age_cell(60) == "1m00s");
    CHECK(age_cell(3599) == "59m59s");
    CHECK(age_cell(3600) == "1h00m");
    CHECK(age_cell(86'400 + 7200) == "1d02h");
    CHECK(age_cell(-1) == "-");
    CHECK(age_cell({}) == "-");
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
    CHECK(json["sessions"]["read_write"]["limit"] == 200);
    CHECK(json["primary_seconds"] == 11520);
    CHECK(json["no_primary_seconds"].is_null());
    CHECK(json["queued"] == 0);
    CHECK(json["frontends"].size() == 1);
    CHECK(json["frontends"][0]["counted"] == true);
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
