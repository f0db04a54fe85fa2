#include "base/haproxy_error.hpp"
#include "routes/look.hpp"
#include "routes/routing.hpp"
#include "stat_tables.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <string>

using namespace checkpg;

namespace {

using Names = std::vector<std::string>;

const std::string read_write = "PostgresReadWrite-backend";
const std::string read_only = "PostgresReadOnly-backend";
const RouteRules rules{{read_write}, {read_only}, 90};

/// What the two checks of a server came to: exit codes, where 0 is UP and anything else DOWN.
struct Server {
    const char* name;
    int read_write_code;
    int read_only_code;
};

StatRow checked_row(const std::string& backend, const char* name, int code) {
    return server_row(backend, name, code == 0 ? "UP" : "DOWN", code == 0 ? "PROCOK" : "PROCERR",
                      code);
}

std::vector<StatRow> cluster(const std::vector<Server>& servers) {
    std::vector<StatRow> rows{frontend_row("rw"), frontend_row("ro")};
    for (const Server& server : servers)
        rows.push_back(checked_row(read_write, server.name, server.read_write_code));
    rows.push_back(backend_row(read_write));
    for (const Server& server : servers)
        rows.push_back(checked_row(read_only, server.name, server.read_only_code));
    rows.push_back(backend_row(read_only));
    return rows;
}

const std::vector<Server> healthy{{"db1", 1, 0}, {"db2", 0, 1}, {"db3", 1, 0}};

StatRow& row_of(std::vector<StatRow>& rows, const std::string& backend, const std::string& server) {
    return *std::find_if(rows.begin(), rows.end(), [&](const StatRow& row) {
        return row.proxy == backend && row.server == server;
    });
}

Names problems(const Routes& routes) {
    Names texts;
    for (const Problem& problem : routes.problems)
        texts.push_back(std::string{words(problem.state)} + ": " + problem.text);
    return texts;
}

Routes routes_of(const std::vector<Server>& servers) { return conclude(cluster(servers), rules); }

} // namespace

TEST_CASE("one primary and its standbys: ok") {
    const Routes routes = routes_of(healthy);
    CHECK(routes.state == RouteState::ok);
    CHECK(routes.primaries == Names{"db2"});
    CHECK(routes.standbys == Names{"db1", "db3"});
    CHECK(routes.idle.empty());
    CHECK(routes.problems.empty());
    CHECK(routes.notes.empty());
    CHECK_FALSE(routes.several_processes);
}

TEST_CASE("who serves: one server in any role is enough, and no server is critical") {
    const auto said = [](const std::vector<Server>& servers) {
        const ShortAnswer answer = who_serves(routes_of(servers));
        return std::string{words(answer.state)} + ": " + answer.text;
    };
    CHECK(said(healthy) == "ok: db2, db1, db3 get traffic");
    CHECK(said({{"db1", 1, 0}, {"db2", 2, 2}}) == "ok: db1 gets traffic");
    CHECK(said({{"db1", 0, 1}, {"db2", 2, 2}}) == "ok: db1 gets traffic");
    CHECK(said({{"db1", 2, 2}, {"db2", 3, 3}}) ==
          "critical: no server gets traffic: db1 unreachable; db2 timed out");
}

TEST_CASE("who serves: a server that no check has looked at is none, one without a check is") {
    auto rows = cluster({{"db1", 1, 1}, {"db2", 2, 2}});
    StatRow& row = row_of(rows, read_write, "db1");
    row.status = "UP";
    row.check_status = "INI";
    CHECK(who_serves(conclude(rows, rules)).text ==
          "no server gets traffic: db1 not checked yet; db2 unreachable");
    row.status = "no check";
    row.check_status = "";
    CHECK(who_serves(conclude(rows, rules)).state == RouteState::ok);
}

TEST_CASE("states of a cluster and what follows from them") {
    struct Case {
        const char* what;
        std::vector<Server> servers;
        RouteState state;
        Names problems;
    };
    const Case cases[]{
        {"a standby doesn't answer",
         {{"db1", 3, 3}, {"db2", 0, 1}, {"db3", 1, 0}},
         RouteState::warning,
         {"warning: db1: timed out"}},
        {"no standby is left",
         {{"db1", 2, 2}, {"db2", 0, 1}},
         RouteState::warning,
         {"warning: no standby: db1 unreachable"}},
        {"a standby lags: the read-only check's reason counts, not the role",
         {{"db1", 1, 8}, {"db2", 0, 1}, {"db3", 1, 0}},
         RouteState::warning,
         {"warning: db1: standby not fit"}},
        {"the primary is read-only",
         {{"db1", 1, 0}, {"db2", 9, 1}},
         RouteState::critical,
         {"critical: no primary: db2 read-only"}},
        {"split brain",
         {{"db1", 7, 1}, {"db2", 7, 1}, {"db3", 1, 0}},
         RouteState::critical,
         {"critical: no primary: split brain between db1, db2"}},
        {"an old primary that a newer one has left behind",
         {{"db1", 7, 1}, {"db2", 0, 1}, {"db3", 1, 0}},
         RouteState::warning,
         {"warning: db1: split brain"}},
        {"two servers get writes",
         {{"db1", 0, 1}, {"db2", 0, 1}, {"db3", 1, 0}},
         RouteState::critical,
         {"critical: 2 primaries: db1, db2"}},
        {"failover under way: the primary is gone, nobody is promoted yet",
         {{"db1", 1, 0}, {"db2", 2, 2}, {"db3", 1, 0}},
         RouteState::critical,
         {"critical: no primary: db2 unreachable"}},
        {"failover under way: promoted between the two checks",
         {{"db1", 1, 1}, {"db2", 2, 2}, {"db3", 1, 0}},
         RouteState::critical,
         {"critical: no primary: db2 unreachable; db1 changing its role: standby "
          "(PostgresReadWrite-backend), primary (PostgresReadOnly-backend)"}},
        {"failover under way: the new primary still gets reads",
         {{"db1", 0, 0}, {"db3", 1, 0}},
         RouteState::warning,
         {"warning: db1: serving both roles, in a read-only backend too"}},
        {"reasons that differ are both given",
         {{"db1", 2, 3}, {"db2", 0, 1}, {"db3", 1, 0}},
         RouteState::warning,
         {"warning: db1: unreachable (PostgresReadWrite-backend), timed out "
          "(PostgresReadOnly-backend)"}},
        {"all down",
         {{"db1", 2, 2}, {"db2", 2, 2}},
         RouteState::critical,
         {"critical: no primary: db1, db2 unreachable", "warning: no standby"}},
        {"no server at all",
         {},
         RouteState::critical,
         {"critical: no primary", "warning: no standby"}},
    };
    for (const Case& one : cases) {
        CAPTURE(one.what);
        const Routes routes = routes_of(one.servers);
        CHECK(routes.state == one.state);
        CHECK(problems(routes) == one.problems);
    }
}

TEST_CASE("statuses of a server that is neither") {
    const std::pair<const char*, const char*> reasons[]{
        {"MAINT", "in maintenance"},
        {"MAINT (via a/b)", "in maintenance (via a/b)"},
        {"MAINT (resolution)", "in maintenance (resolution)"},
        {"DRAIN", "draining"},
        {"NOLB", "finishing its sessions (NOLB)"},
        {"DOWN (agent)", "taken down by its agent"},
        {"DOWN", "down"},
        {"STRANGE\x1b", "STRANGE?"},
    };
    for (const auto& [status, reason] : reasons) {
        auto rows = cluster(healthy);
        rows.push_back(server_row(read_write, "db9", status));
        const Routes routes = conclude(rows, rules);
        REQUIRE(routes.idle.size() == 1);
        CHECK(routes.idle[0].name == "db9");
        CHECK(routes.idle[0].reason == reason);
        CHECK(routes.state == RouteState::warning);
    }
}

TEST_CASE("a server of weight 0 is not served, one on its way up isn't yet") {
    auto rows = cluster(healthy);
    row_of(rows, read_only, "db1").weight = 0;
    row_of(rows, read_only, "db3").status = "DOWN 2/3";
    const Routes routes = conclude(rows, rules);
    CHECK(problems(routes) == Names{"warning: no standby: db1 weight 0; db3 coming up"});
}

TEST_CASE("a server on its way down still serves") {
    auto rows = cluster(healthy);
    StatRow& row = row_of(rows, read_write, "db2");
    row.status = "UP 1/3";
    row.check_status = "* PROCERR";
    row.check_code = 2;
    const Routes routes = conclude(rows, rules);
    CHECK(routes.primaries == Names{"db2"});
    CHECK(problems(routes) ==
          Names{"warning: db2: going down in PostgresReadWrite-backend, unreachable"});
}

namespace {

/// As after a start: HAProxy counts all servers as up.
std::vector<StatRow> unchecked_cluster(const std::vector<const char*>& names) {
    std::vector<StatRow> rows;
    for (const std::string& backend : {read_write, read_only}) {
        for (const char* name : names)
            rows.push_back(server_row(backend, name, "UP", "* INI"));
        rows.push_back(backend_row(backend));
    }
    return rows;
}

void set_checked(StatRow& row, int code) { row = checked_row(row.proxy, row.server.c_str(), code); }

} // namespace

TEST_CASE("after HAProxy's start nobody is known to be primary until checked") {
    auto rows = unchecked_cluster({"db1", "db2", "db3"});
    Routes routes = conclude(rows, rules, 3);
    CHECK(problems(routes) == Names{"warning: HAProxy started 3s ago, 3 not checked yet"});
    CHECK(routes.primaries.empty());
    CHECK(routes.standbys.empty());
    CHECK(routes.idle.empty());
    CHECK(routes.unchecked == Names{"db1", "db2", "db3"});

    set_checked(row_of(rows, read_only, "db1"), 0);
    set_checked(row_of(rows, read_write, "db2"), 0);
    routes = conclude(rows, rules, 4);
    CHECK(problems(routes) == Names{"warning: HAProxy started 4s ago, 3 not checked yet"});
    CHECK(routes.primaries == Names{"db2"});
    CHECK(routes.standbys == Names{"db1"});
    CHECK(routes.unchecked == Names{"db3"});

    set_checked(row_of(rows, read_write, "db1"), 1);
    set_checked(row_of(rows, read_write, "db3"), 1);
    set_checked(row_of(rows, read_only, "db2"), 1);
    set_checked(row_of(rows, read_only, "db3"), 0);
    CHECK(problems(conclude(rows, rules, 5)) == Names{});
}

TEST_CASE("what the first checks have found counts while others are not done") {
    auto rows = unchecked_cluster({"db1", "db2", "db3"});
    set_checked(row_of(rows, read_write, "db1"), 0);
    set_checked(row_of(rows, read_write, "db2"), 0);
    CHECK(problems(conclude(rows, rules, 3)).front() == "critical: 2 primaries: db1, db2");
    for (const char* name : {"db1", "db2", "db3"})
        set_checked(row_of(rows, read_write, name), 1);
    CHECK(problems(conclude(rows, rules, 3)) ==
          Names{"critical: no primary", "warning: HAProxy started 3s ago, 3 not checked yet"});
    rows = unchecked_cluster({"db1"});
    set_checked(row_of(rows, read_write, "db1"), 0);
    set_checked(row_of(rows, read_only, "db1"), 1);
    CHECK(problems(conclude(rows, rules, 3)) == Names{"warning: no standby"});
}

TEST_CASE("a check that is not done long after the start, or nobody knows when it was") {
    for (const StatRow::Number uptime : {StatRow::Number{60}, StatRow::Number{}}) {
        auto rows = unchecked_cluster({"db1", "db2"});
        CHECK(problems(conclude(rows, rules, uptime)) ==
              Names{"critical: no primary: db1, db2 not checked yet",
                    "critical: db1, db2: traffic before the first check "
                    "(PostgresReadWrite-backend)",
                    "warning: no standby",
                    "warning: db1, db2: traffic before the first check "
                    "(PostgresReadOnly-backend)"});
        rows = cluster(healthy);
        row_of(rows, read_write, "db1") = server_row(read_write, "db1", "UP", "INI");
        const Routes routes = conclude(rows, rules, uptime);
        CHECK(routes.primaries == Names{"db2"});
        CHECK(routes.standbys == Names{"db1", "db3"});
        CHECK(problems(routes) == Names{"critical: db1: traffic before the first check "
                                        "(PostgresReadWrite-backend)"});
    }
}

TEST_CASE("servers without a check are always served") {
    auto rows = cluster({});
    rows.push_back(server_row(read_write, "db1", "no check"));
    rows.push_back(server_row(read_only, "db2", "no check"));
    const Routes routes = conclude(rows, rules);
    CHECK(routes.state == RouteState::ok);
    CHECK(routes.primaries == Names{"db1"});
    CHECK(routes.standbys == Names{"db2"});
}

TEST_CASE("a standby that no read-only backend knows is no problem") {
    auto rows = cluster(healthy);
    rows.push_back(checked_row(read_write, "db9", 1));
    const Routes routes = conclude(rows, rules);
    CHECK(routes.state == RouteState::ok);
    REQUIRE(routes.idle.size() == 1);
    CHECK(routes.idle[0].reason == "standby");
}

TEST_CASE("maintenance in one backend only is noted: after a failover it would matter") {
    auto rows = cluster(healthy);
    row_of(rows, read_write, "db1").status = "MAINT";
    const Routes routes = conclude(rows, rules);
    CHECK(routes.state == RouteState::ok);
    CHECK(routes.notes == Names{"db1: in maintenance in PostgresReadWrite-backend"});
}

TEST_CASE("a primary as backup of the read-only backend is meant") {
    auto rows = cluster({{"db1", 1, 0}, {"db2", 0, 0}});
    row_of(rows, read_only, "db2").backup = true;
    const Routes routes = conclude(rows, rules);
    CHECK(routes.state == RouteState::ok);
    CHECK(routes.standbys == Names{"db1"});
}

TEST_CASE("a backup server serves only when the others are down") {
    auto rows = cluster({{"db1", 0, 1}, {"db2", 1, 0}});
    StatRow spare = server_row(read_write, "spare", "UP", "L4OK");
    spare.backup = true;
    rows.push_back(spare);
    const Routes routes = conclude(rows, rules);
    CHECK(problems(routes) == Names{});
    CHECK(routes.primaries == Names{"db1"});
    REQUIRE(routes.idle.size() == 1);
    CHECK(routes.idle[0].reason == "a backup, not needed now");
    row_of(rows, read_write, "db1").status = "DOWN";
    CHECK(conclude(rows, rules).primaries == Names{"spare"});
}

TEST_CASE("a backup server that is a second primary is warned of") {
    auto rows = cluster({{"db1", 0, 1}, {"db2", 0, 1}, {"db3", 1, 0}});
    row_of(rows, read_write, "db2").backup = true;
    const Routes routes = conclude(rows, rules);
    CHECK(routes.primaries == Names{"db1"});
    CHECK(problems(routes) == Names{"warning: db2: a backup that calls itself primary, too "
                                    "(PostgresReadWrite-backend)"});
}

TEST_CASE("two backup servers that are up while no other is are two primaries") {
    auto rows = cluster({{"db1", 0, 1}, {"db2", 0, 1}, {"db3", 1, 0}});
    row_of(rows, read_write, "db1").backup = true;
    row_of(rows, read_write, "db2").backup = true;
    CHECK(problems(conclude(rows, rules)) == Names{"critical: 2 primaries: db1, db2"});
}

TEST_CASE("a standby as backup of a read-only backend is no problem") {
    auto rows = cluster(healthy);
    row_of(rows, read_only, "db3").backup = true;
    const Routes routes = conclude(rows, rules);
    CHECK(problems(routes) == Names{});
    CHECK(routes.standbys == Names{"db1"});
    REQUIRE(routes.idle.size() == 1);
    CHECK(routes.idle[0].reason == "a backup, not needed now");
}

TEST_CASE("each of HAProxy's processes uses its own servers") {
    auto rows = cluster({{"db1", 0, 1}, {"db2", 1, 0}});
    for (StatRow& row : rows)
        row.process = 1;
    StatRow other = server_row(read_write, "spare", "UP", "L4OK");
    other.backup = true;
    other.process = 2;
    rows.push_back(other);
    CHECK(conclude(rows, rules).primaries == Names{"db1", "spare"});
}

TEST_CASE("a frontend that isn't open is critical") {
    auto rows = cluster(healthy);
    rows.push_back(frontend_row("other", "PAUSED"));
    const Routes routes = conclude(rows, rules);
    CHECK(routes.state == RouteState::critical);
    CHECK(problems(routes) == Names{"critical: frontend other is not open (PAUSED)"});
}

TEST_CASE("sessions near a limit and queues are warned of") {
    auto rows = cluster(healthy);
    rows[0].sessions = 180;
    rows[0].session_limit = 200;
    StatRow& standby = row_of(rows, read_only, "db1");
    standby.sessions = 89;
    standby.session_limit = 100;
    standby.queued = 3;
    StatRow& backend = row_of(rows, read_only, "BACKEND");
    backend.sessions = 89;
    backend.session_limit = 20; // fullconn
    backend.most_sessions = 120;
    backend.queued = 1;
    const Routes routes = conclude(rows, rules);
    CHECK(problems(routes) == Names{"warning: rw (180 of 200): near the limit of sessions",
                                    "warning: PostgresReadOnly-backend/db1 (3), "
                                    "PostgresReadOnly-backend (1): connections wait in the queue"});
    CHECK(routes.read_only.now == 89);
    CHECK(routes.read_only.most == 120);
    CHECK(routes.read_write.now == 0);
    CHECK(routes.queued == 4);
    CHECK(conclude(rows, {{read_write}, {read_only}, 89}).problems[0].text ==
          "rw (180 of 200), PostgresReadOnly-backend/db1 (89 of 100): near the limit of sessions");
}

TEST_CASE("a backend that doesn't exist makes the state unknown") {
    const auto conclude_with = [](const RouteRules& wrong) { conclude(cluster(healthy), wrong); };
    CHECK_THROWS_AS(conclude_with({{"absent"}, {read_only}}), HaproxyError);
    CHECK_THROWS_AS(conclude_with({{read_write}, {read_only, "absent"}}), HaproxyError);
    try {
        conclude_with({{"rw"}, {}});
        FAIL("a frontend's name was taken for a backend's");
    } catch (const HaproxyError& error) {
        CHECK(std::string{error.what()} == "HAProxy has no backend 'rw'; it has: "
                                           "PostgresReadOnly-backend, PostgresReadWrite-backend");
    }
}

TEST_CASE("without a read-only backend no standby is missed") {
    const Routes routes = conclude(cluster({{"db1", 0, 1}}), {{read_write}, {}, 90});
    CHECK(routes.state == RouteState::ok);
    CHECK(routes.entries.size() == 4);
}

TEST_CASE("several backends of one role are taken together") {
    auto rows = cluster(healthy);
    rows.push_back(checked_row("reports", "db4", 0));
    rows.push_back(backend_row("reports"));
    const Routes routes = conclude(rows, {{read_write}, {read_only, "reports"}, 90});
    CHECK(routes.standbys == Names{"db1", "db3", "db4"});
}

TEST_CASE("each named backend needs a server, whatever another one of its role has") {
    const RouteRules two_each{{read_write, "orders"}, {read_only, "reports"}, 90};
    auto rows = cluster(healthy);
    rows.push_back(backend_row("orders"));
    rows.push_back(backend_row("reports"));
    SECTION("none is in it") {
        CHECK(problems(conclude(rows, two_each)) ==
              Names{"critical: orders has no server that gets traffic",
                    "warning: reports has no server that gets traffic"});
    }
    SECTION("none in it is up") {
        rows.push_back(checked_row("orders", "db2", 4));
        rows.push_back(checked_row("orders", "db1", 1));
        rows.push_back(checked_row("orders", "db3", 1));
        rows.push_back(checked_row("reports", "db1", 8));
        const Routes routes = conclude(rows, two_each);
        CHECK(routes.primaries == Names{"db2"});
        CHECK(problems(routes) ==
              Names{"critical: orders has no server that gets traffic: db2 access denied; "
                    "db1, db3 standby",
                    "warning: reports has no server that gets traffic: db1 standby not fit"});
    }
    SECTION("each has one") {
        rows.push_back(checked_row("orders", "db2", 0));
        rows.push_back(checked_row("reports", "db1", 0));
        CHECK(problems(conclude(rows, two_each)) == Names{});
    }
    SECTION("a backup that serves for lack of others is one") {
        rows.push_back(checked_row("orders", "db2", 0));
        rows.push_back(checked_row("reports", "db2", 0));
        rows.back().backup = true;
        CHECK(problems(conclude(rows, two_each)) == Names{});
    }
    SECTION("where no backend of the role has one, that is said once") {
        row_of(rows, read_write, "db2").status = "MAINT";
        rows.push_back(checked_row("orders", "db2", 2));
        CHECK(problems(conclude(rows, {{read_write, "orders"}, {}, 90})).front() ==
              "critical: no primary: db2 in maintenance; db2 unreachable; db1, db3 standby");
    }
}

TEST_CASE("each of HAProxy's processes needs a server in each backend") {
    auto rows = cluster(healthy);
    for (StatRow row : cluster({{"db1", 1, 0}, {"db2", 2, 1}})) {
        row.process = 2;
        rows.push_back(row);
    }
    CHECK(problems(conclude(rows, rules)).front() ==
          "critical: PostgresReadWrite-backend has no server that gets traffic in process 2: "
          "db1 standby; db2 unreachable");
}

TEST_CASE("a slot of a server-template that no address is left for is none of the servers") {
    auto rows = cluster(healthy);
    const auto slot = [&](const std::string& backend, const char* name, const char* status) {
        rows.push_back(server_row(backend, name, status));
        rows.back().resolved_from = "pg.example.com:5432";
    };
    for (const std::string& backend : {read_write, read_only})
        slot(backend, "slot1", "MAINT (resolution)");
    SECTION("others of its template have one") {
        for (const std::string& backend : {read_write, read_only})
            row_of(rows, backend, "db1").resolved_from = "pg.example.com:5432";
        slot(read_write, "slot2", "MAINT (resolution)");
        const Routes routes = conclude(rows, rules);
        CHECK(problems(routes) == Names{});
        CHECK(routes.idle.empty());
        CHECK(routes.notes ==
              Names{"slots of a server-template that are not in use: slot1, slot2"});
    }
    SECTION("in one backend they have, in the other one none has") {
        row_of(rows, read_write, "db1").resolved_from = "pg.example.com:5432";
        CHECK(problems(conclude(rows, rules)) ==
              Names{"warning: slot1: in maintenance (resolution)"});
    }
    SECTION("another name has") {
        for (const std::string& backend : {read_write, read_only})
            row_of(rows, backend, "db1").resolved_from = "db1.example.com:5432";
        CHECK(problems(conclude(rows, rules)) ==
              Names{"warning: slot1: in maintenance (resolution)"});
    }
    SECTION("others have, and it is in use in another backend") {
        row_of(rows, read_write, "db1").resolved_from = "pg.example.com:5432";
        StatRow& used = row_of(rows, read_only, "slot1");
        used.status = "DOWN";
        used.check_status = "PROCERR";
        used.check_code = 4;
        const Routes routes = conclude(rows, rules);
        CHECK(problems(routes) == Names{"warning: slot1: access denied"});
        CHECK(routes.notes == Names{});
    }
}

TEST_CASE("where all slots of a server-template are without an address there is no server") {
    std::vector<StatRow> rows{backend_row(read_write), backend_row(read_only)};
    for (const std::string& backend : {read_write, read_only})
        for (const char* name : {"slot1", "slot2"}) {
            rows.push_back(server_row(backend, name, "MAINT (resolution)"));
            rows.back().resolved_from = "pg.example.com:5432";
        }
    CHECK(problems(conclude(rows, rules)) ==
          Names{"critical: no primary: slot1, slot2 in maintenance (resolution)",
                "warning: no standby"});
}

TEST_CASE("a slot that is not in use is no reason for the others") {
    auto rows = cluster({{"db1", 2, 2}});
    row_of(rows, read_write, "db1").resolved_from = "pg.example.com:5432";
    rows.push_back(server_row(read_write, "slot1", "MAINT (resolution)"));
    rows.back().resolved_from = "pg.example.com:5432";
    CHECK(problems(conclude(rows, rules)).front() == "critical: no primary: db1 unreachable");
}

TEST_CASE("one address and port under two names is one server") {
    auto rows = cluster(healthy);
    rows.push_back(backend_row("orders"));
    rows.push_back(checked_row("orders", "db2.example.com", 0));
    const RouteRules with_orders{{read_write, "orders"}, {read_only}, 90};
    StatRow& other = rows.back();
    const auto set_address = [&](const char* name, const char* address) {
        row_of(rows, read_write, name).address = row_of(rows, read_only, name).address = address;
    };
    SECTION("two names") {
        for (const char* address : {"192.0.2.12:5432", "[2001:db8::2]:5432"}) {
            set_address("db2", address);
            other.address = address;
            const Routes routes = conclude(rows, with_orders);
            CHECK(problems(routes) == Names{});
            CHECK(routes.primaries == Names{"db2"});
            CHECK(routes.notes ==
                  Names{std::string{"db2 and db2.example.com are one server, "} + address});
        }
    }
    const auto both = Names{"critical: 2 primaries: db2, db2.example.com"};
    SECTION("another port") {
        set_address("db2", "192.0.2.12:5432");
        other.address = "192.0.2.12:5433";
        CHECK(problems(conclude(rows, with_orders)) == both);
    }
    SECTION("addresses that HAProxy doesn't tell, or that are none of one server's") {
        for (const char* address : {"", "unix", "192.0.2.12:0"}) {
            CAPTURE(address);
            set_address("db2", address);
            other.address = address;
            CHECK(problems(conclude(rows, with_orders)) == both);
        }
    }
    SECTION("a name that has another address elsewhere") {
        set_address("db2", "192.0.2.12:5432");
        other.address = "192.0.2.12:5432";
        row_of(rows, read_only, "db2").address = "192.0.2.99:5432";
        CHECK(problems(conclude(rows, with_orders)) == both);
    }
    SECTION("standbys") {
        rows.push_back(checked_row(read_only, "replica", 0));
        rows.back().address = "192.0.2.11:5432";
        set_address("db1", "192.0.2.11:5432");
        CHECK(conclude(rows, rules).standbys == Names{"db1", "db3"});
    }
}

TEST_CASE("several processes: a server is counted once, disagreement is warned of") {
    auto rows = stat_rows("processes-2.2");
    for (const StatRow& row : stat_rows("processes-second-2.2"))
        rows.push_back(row);
    Routes routes = conclude(rows, rules);
    CHECK(routes.several_processes);
    CHECK(routes.primaries == Names{"db1"});
    CHECK(routes.standbys == Names{"db2"});
    CHECK(routes.state == RouteState::ok);
    row_of(rows, read_write, "db1").status = "DOWN";
    routes = conclude(rows, rules);
    CHECK(routes.primaries == Names{"db1"});
    CHECK(problems(routes).back() == "warning: db1: HAProxy's processes disagree");
}

TEST_CASE("captured tables lead to the same conclusions whatever the version") {
    for (const char* version : {"2.2", "2.6", "3.0", "3.2"}) {
        CAPTURE(version);
        const Routes routes = conclude(stat_rows(std::string{"cluster-"} + version), rules);
        CHECK(routes.state == RouteState::ok);
        CHECK(routes.primaries == Names{"acme-dvppg1db-server2.acme.corp.com"});
        CHECK(routes.standbys.size() == 3);
        auto odd_rows = stat_rows(std::string{"oddities-"} + version);
        for (StatRow& row : odd_rows)
            row.address.clear(); // all have that of one server
        const Routes odd = conclude(odd_rows, rules);
        CHECK(odd.state == RouteState::critical);
        CHECK(odd.primaries == Names{"primary", "going-down", "no-check"});
        CHECK(odd.unchecked == Names{"checking"});
        CHECK(odd.standbys == Names{"l7-ok"});
    }
}

TEST_CASE("a problem names a few servers, not thousands") {
    std::vector<StatRow> rows{backend_row(read_write), backend_row(read_only)};
    for (int i = 0; i < 1000; ++i)
        rows.push_back(checked_row(read_write, ("db" + std::to_string(i)).c_str(), 0));
    CHECK(conclude(rows, rules).problems.front().text ==
          "1000 primaries: db0, db1, db2, db3 and 996 more");
}

TEST_CASE("a trouble that many servers have is said once") {
    std::vector<Server> servers{{"db0", 0, 1}};
    const std::vector<std::string> names = [] {
        std::vector<std::string> all;
        for (int i = 1; i < 30; ++i)
            all.push_back("db" + std::to_string(i));
        return all;
    }();
    for (const std::string& name : names)
        servers.push_back({name.c_str(), 126, 126});
    CHECK(problems(routes_of(servers)) ==
          Names{"warning: no standby: db1, db2, db3, db4 and 25 more a program of the check can't "
                "be executed"});
    servers[1] = {"db1", 1, 0};
    CHECK(
        problems(routes_of(servers)) ==
        Names{"warning: db2, db3, db4, db5 and 24 more: a program of the check can't be executed"});
}

TEST_CASE("a trouble stays the same while its numbers change") {
    auto rows = cluster({{"db1", 2, 2}, {"db2", 1, 0}});
    StatRow& backend = row_of(rows, read_write, "BACKEND");
    backend.status = "DOWN";
    Names texts;
    Names subjects;
    for (const int seconds : {5, 65}) {
        backend.since_change = seconds;
        const Problem problem = conclude(rows, rules, 1000).problems.front();
        texts.push_back(problem.text);
        subjects.push_back(problem.subject);
    }
    CHECK(texts ==
          Names{"no primary for 5s: db1 unreachable", "no primary for 1m05s: db1 unreachable"});
    CHECK(subjects[0] == subjects[1]);
}

TEST_CASE("how long there has been a primary, as far as HAProxy can know") {
    auto rows = cluster(healthy);
    row_of(rows, read_write, "db2").since_change = 500;
    const auto span = [&](StatRow::Number uptime) {
        return words(*conclude(rows, rules, uptime).role_since);
    };
    CHECK(span(5000) == "for 8m20s");
    CHECK(span(500) == "for at least 8m20s");
    CHECK(span({}) == "for 8m20s");
    row_of(rows, read_write, "db2").since_change = 0;
    CHECK(span(5000) == "for a moment");
    CHECK(span(0) == "for a moment or longer");
    row_of(rows, read_write, "db1").status = "UP";
    CHECK_FALSE(conclude(rows, rules, 5000).role_since);
}

TEST_CASE("only frontends that lead to the named backends count") {
    std::vector<StatRow> rows = cluster(healthy);
    rows.erase(rows.begin(), rows.begin() + 2);
    rows.push_back(frontend_row("crm", "PAUSED"));
    rows.push_back(backend_row("crm-servers"));
    const auto with_crm = Names{"critical: frontend crm is not open (PAUSED)"};
    SECTION("where none is known, everyone may") {
        CHECK(problems(conclude(rows, rules)) == with_crm);
        rows.push_back(frontend_row("PostgresReadWrite-frontend"));
        CHECK(problems(conclude(rows, rules)) == with_crm);
    }
    SECTION("but for what belongs to another backend by its name") {
        rows.push_back(backend_row("crm-backend"));
        CHECK(problems(conclude(rows, rules)) == Names{});
    }
    SECTION("each backend has one by its name") {
        rows.push_back(frontend_row("PostgresReadWrite-frontend"));
        rows.push_back(frontend_row(read_only)); // a listen section
        const Routes routes = conclude(rows, rules);
        CHECK(problems(routes) == Names{});
        CHECK(std::count_if(routes.entries.begin(), routes.entries.end(),
                            [](const RouteEntry& entry) { return entry.leads_elsewhere; }) == 1);
        row_of(rows, read_only, "FRONTEND").status = "STOP";
        CHECK(problems(conclude(rows, rules)) ==
              Names{"critical: frontend PostgresReadOnly-backend is not open (STOP)"});
    }
    SECTION("those that the rules name") {
        RouteRules named = rules;
        named.frontends = {"crm"};
        CHECK(problems(conclude(rows, named)) == with_crm);
        rows.push_back(frontend_row("other"));
        named.frontends = {"other"};
        CHECK(problems(conclude(rows, named)) == Names{});
        named.frontends = {"absent"};
        CHECK_THROWS_AS(conclude(rows, named), HaproxyError);
    }
}

TEST_CASE("ranges given for sessions and standbys are complained of") {
    auto rows = cluster(healthy);
    row_of(rows, read_only, "BACKEND").sessions = 15;
    RouteRules strict = rules;
    CHECK(strict.warning.add("sessions_read_only=10"));
    CHECK(strict.critical.add("standbys=3:"));
    const Routes routes = conclude(rows, strict);
    CHECK(problems(routes) == Names{"critical: standbys: 2 is outside of 3:",
                                    "warning: sessions_read_only: 15 is outside of 10"});
    CHECK(routes.problems[1].subject == "sessions_read_only: 10");
}

TEST_CASE("a range takes the place of what is complained of anyway") {
    auto rows = cluster({{"db1", 0, 1}});
    row_of(rows, read_only, "BACKEND").queued = 3;
    RouteRules easy = rules;
    CHECK(easy.warning.add("standbys=0:"));
    CHECK(easy.warning.add("queued=@5:9"));
    CHECK(problems(conclude(rows, easy)) == Names{});
    row_of(rows, read_only, "BACKEND").queued = 7;
    CHECK(problems(conclude(rows, easy)) == Names{"warning: queued: 7 is in @5:9"});
}

TEST_CASE("unknown routes carry their reason") {
    const Routes routes = unknown_routes("no socket");
    CHECK(routes.state == RouteState::unknown);
    CHECK(problems(routes) == Names{"unknown: no socket"});
}
