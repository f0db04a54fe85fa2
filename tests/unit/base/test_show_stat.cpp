#include "base/haproxy_error.hpp"
#include "base/show_stat.hpp"
#include "routes/stat_tables.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>

using checkpg::StatRow;

namespace {

std::string refusal(std::string_view text) {
    try {
        checkpg::parse_show_stat(text);
    } catch (const checkpg::HaproxyError& error) {
        return error.what();
    }
    return "accepted";
}

const StatRow& find(const std::vector<StatRow>& rows, std::string_view server) {
    for (const StatRow& row : rows)
        if (row.server == server)
            return row;
    FAIL("no row of server " << server);
    throw 0;
}

} // namespace

TEST_CASE("fields are found by the names in the header, wherever they are") {
    const auto rows = checkpg::parse_show_stat("# type,new,status,svname,scur,pxname,check_code\n"
                                               "2,?,UP,db1,5,backend,0\n\n");
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].kind == StatRow::Kind::server);
    CHECK(rows[0].proxy == "backend");
    CHECK(rows[0].server == "db1");
    CHECK(rows[0].status == "UP");
    CHECK(rows[0].sessions == 5);
    CHECK(rows[0].check_code == 0);
    CHECK_FALSE(rows[0].session_limit);
    CHECK_FALSE(rows[0].backup);
}

TEST_CASE("listeners are left out") {
    const auto rows = checkpg::parse_show_stat(
        "# pxname,svname,status,type\nf,sock-1,OPEN,3\nf,FRONTEND,OPEN,0\n\n");
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].kind == StatRow::Kind::frontend);
}

TEST_CASE("an answer without its closing empty line is refused") {
    const std::string header = "# pxname,svname,status,type\n";
    CHECK(checkpg::parse_show_stat(header + "\n").empty());
    CHECK(refusal("") == "HAProxy closed the connection without an answer");
    CHECK(refusal(header) == "HAProxy's answer breaks off before its end");
    CHECK(refusal(header + "b,db1,UP,2\n") == "HAProxy's answer breaks off before its end");
    CHECK(refusal(header + "b,db1,UP") == "HAProxy's answer breaks off before its end");
    CHECK(refusal(header + "b,db1,UP,2\n\nmore\n") == "HAProxy's answer goes on behind its end");
}

TEST_CASE("what is no table is quoted, without its control characters") {
    CHECK(refusal("Permission denied\n\n") ==
          "no table of HAProxy's: the answer is 'Permission denied'");
    CHECK(refusal("\x1b[31mred\x07\n") == "no table of HAProxy's: the answer is '?[31mred?'");
    CHECK(refusal("\xc2\x9b csi\n") == "no table of HAProxy's: the answer is '? csi'");
    CHECK(refusal("\n") == "no table of HAProxy's: the answer is ''");
    CHECK(refusal(std::string(500, 'x') + "\n").size() < 200);
}

TEST_CASE("columns that are needed are asked for by name") {
    CHECK(refusal("# pxname,svname,type\n") == "HAProxy's table has no column 'status'");
    CHECK(refusal("# pxname,status,type\n") == "HAProxy's table has no column 'svname'");
}

TEST_CASE("a damaged line is refused") {
    const std::string header = "# pxname,svname,status,type,scur\n";
    CHECK(refusal(header + "b,db1,UP\n\n") == "no line of HAProxy's table: 'b'");
    CHECK(refusal(header + "b,db1,UP,9,0\n\n") == "no line of HAProxy's table: 'b'");
    CHECK(refusal(header + ",db1,UP,2,0\n\n") == "no line of HAProxy's table: ''");
    CHECK(refusal(header + "b,db1,UP,2,5x\n\n") ==
          "'scur' of b/db1 is no number in HAProxy's table: '5x'");
    CHECK(refusal(header + "b,db1,UP,2,4294967295\n\n") == "accepted");
    CHECK(refusal(header + "b,db1,UP,2,4294967296\n\n") ==
          "'scur' of b/db1 is no number in HAProxy's table: '4294967296'");
    CHECK(refusal(header + "b,db1,UP,2,-4294967296\n\n") ==
          "'scur' of b/db1 is no number in HAProxy's table: '-4294967296'");
}

TEST_CASE("the tables of HAProxy 2.2 to 3.2 are read alike") {
    for (const char* version : {"2.2", "2.6", "3.0", "3.2"}) {
        CAPTURE(version);
        const auto rows = checkpg::parse_show_stat(stat_table(std::string{"cluster-"} + version));
        REQUIRE(rows.size() == 13);
        CHECK(rows[0].proxy == "haproxy-stat");
        CHECK(rows[0].kind == StatRow::Kind::frontend);
        CHECK(rows[1].session_limit == 200);
        const StatRow& primary = rows[4];
        CHECK(primary.proxy == "PostgresReadWrite-backend");
        CHECK(primary.server == "acme-dvppg1db-server2.acme.corp.com");
        CHECK(primary.status == "UP");
        CHECK(primary.check_status == "PROCOK");
        CHECK(primary.check_code == 0);
        CHECK(primary.check_duration);
        CHECK(primary.address == "127.0.0.1:28502");
        CHECK(primary.process == 1);
        CHECK(rows[7].kind == StatRow::Kind::backend);
        CHECK(rows[8].session_limit == 100);
    }
}

TEST_CASE("rare states are read from every version's table") {
    for (const char* version : {"2.2", "2.6", "3.0", "3.2"}) {
        CAPTURE(version);
        const auto rows = checkpg::parse_show_stat(stat_table(std::string{"oddities-"} + version));
        CHECK(find(rows, "maint-via").status == "MAINT (via PostgresReadWrite-backend/maint)");
        CHECK(find(rows, "checking").check_status == "* INI");
        CHECK(find(rows, "killed").check_code == 4294967295);
        CHECK(find(rows, "no-check").status == "no check");
        CHECK(find(rows, "nolb").status == "NOLB");
        CHECK(find(rows, "weight-0").weight == 0);
        CHECK(find(rows, "spare").backup);
        CHECK(find(rows, "coming-up").status.starts_with("DOWN "));
        CHECK(find(rows, "going-down").status.starts_with("UP "));
        const auto& detail = find(rows, "quoted").check_detail;
        CHECK(detail.find("no, \"never\"") != std::string::npos);
    }
}
