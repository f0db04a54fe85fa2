#include "base/haproxy_error.hpp"
#include "routes/stat_tables.hpp"
#include "survey/backend_servers.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace checkpg;

namespace {

const RouteRules rules{{"rw"}, {"ro"}, 90};

std::vector<StatRow> stat_of_small_cluster() {
    return {
        server_row("rw", "db1", "UP", "PROCOK", 0),    backend_row("rw"),
        server_row("ro", "db1", "UP", "PROCERR", 1),   server_row("ro", "db2", "UP", "PROCOK", 0),
        server_row("ro", "db3", "DOWN", "PROCERR", 2), backend_row("ro")};
}

std::vector<BackendServer> read(const std::string& lines, std::vector<StatRow> rows) {
    return read_backend_servers("1\n# be_name srv_name srv_addr srv_port srv_fqdn\n" + lines + "\n",
                                conclude(std::move(rows), rules));
}

} // namespace

TEST_CASE("servers of the named backends, with what HAProxy does with them") {
    auto rows = stat_of_small_cluster();
    rows[2].backup = true;
    const auto servers = read("rw db1 192.0.2.11 5432 -\nother db9 192.0.2.19 5432 -\n"
                              "ro db1 192.0.2.11 5432 -\nro db2 2001:db8::12 6432 -\n"
                              "ro db3 192.0.2.13 0 -\n",
                              rows);
    REQUIRE(servers.size() == 4);
    CHECK(servers[0].name == "db1");
    CHECK(servers[0].backend == "rw");
    CHECK(servers[0].role == BackendRole::read_write);
    CHECK(servers[0].address == "192.0.2.11");
    CHECK(servers[0].port == "5432");
    CHECK(servers[0].serving);
    CHECK_FALSE(servers[0].fallback);
    CHECK(servers[1].role == BackendRole::read_only);
    CHECK(servers[1].fallback);
    CHECK_FALSE(servers[1].serving); // while others of its backend do
    CHECK(servers[2].address == "2001:db8::12");
    CHECK(servers[3].port == "0");
    CHECK_FALSE(servers[3].serving);
    CHECK(servers[3].status == "DOWN");
    CHECK(servers[3].check == "unreachable");
}

TEST_CASE("an address that is none is empty") {
    for (const char* address : {"-", "", "0.0.0.0", "::", "unix", "db1.example.com"})
        CHECK(read(std::string{"rw db1 "} + address + " 5432 -\n", stat_of_small_cluster())[0]
                  .address.empty());
}

TEST_CASE("a server that is new since is a server, a slot not in use is none") {
    auto rows = stat_of_small_cluster();
    rows.push_back(server_row("ro", "slot1", "MAINT (resolution)"));
    rows.push_back(server_row("ro", "slot2", "UP", "PROCOK", 0));
    for (StatRow& row : rows)
        if (row.server.starts_with("slot"))
            row.resolved_from = "pg.example.com:5432";
    const auto servers = read("ro slot1 - 5432 -\nro slot2 192.0.2.14 5432 -\n"
                              "ro new 192.0.2.15 5432 -\n",
                              rows);
    REQUIRE(servers.size() == 2);
    CHECK(servers[0].name == "slot2");
    CHECK(servers[1].name == "new");
    CHECK_FALSE(servers[1].serving);
}

TEST_CASE("half a list is none") {
    CHECK_THROWS_AS(
        read_backend_servers("1\n# be_name srv_name srv_addr srv_port\nrw db1 192.0", {}),
        HaproxyError);
    CHECK_THROWS_AS(read_backend_servers("Permission denied\n", {}), HaproxyError);
}
