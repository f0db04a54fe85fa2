#include "base/haproxy_error.hpp"
#include "routes/server_names.hpp"
#include "stat_tables.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>

using namespace checkpg;

namespace {

const std::string header =
    "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight "
    "srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health "
    "srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord "
    "srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port\n";

std::string line(const std::string& backend, const std::string& server, const std::string& names) {
    return "2 " + backend + " 1 " + server + " - 0 32 1 1 3 1 0 0 14 0 0 0 " + names +
           " 0 0 - - 0\n";
}

std::string name_of(const std::string& names) {
    std::vector<StatRow> rows{server_row("rw", "db1", "UP"), server_row("ro", "db1", "UP")};
    read_names(rows,
               header + line("rw", "db1", names) + line("rw", "db2", "b.example.com 1 -") + "\n");
    CHECK(rows[1].resolved_from.empty());
    return rows[0].resolved_from;
}

} // namespace

TEST_CASE("what HAProxy resolves a server from: an SRV record, or a name and a port") {
    CHECK(name_of("pg.example.com 5432 -") == "pg.example.com:5432");
    CHECK(name_of("- 0 _pg._tcp.example.com") == "_pg._tcp.example.com");
    CHECK(name_of("db1.example.com 5432 _pg._tcp.example.com") == "_pg._tcp.example.com");
    CHECK(name_of("- 5432 -").empty());
    CHECK(name_of(" 5432 ").empty());
}

TEST_CASE("only servers have such a name, and a backend may be called like one") {
    std::vector<StatRow> rows{backend_row("rw"), frontend_row("rw")};
    read_names(rows, header + line("rw", "BACKEND", "pg.example.com 5432 -") + "\n");
    CHECK(rows[0].resolved_from.empty());
    CHECK(rows[1].resolved_from.empty());
}

TEST_CASE("what is no list of servers is refused") {
    std::vector<StatRow> rows{server_row("rw", "db1", "UP")};
    for (const std::string& text :
         {std::string{}, std::string{"Permission denied\n\n"}, std::string{"1\n"},
          std::string{"1\n# be_name srv_name srv_fqdn srv_port\n\n"}, header,
          header + line("rw", "db1", "a 1 -"), header + "2 rw 1\n\n",
          header + line("rw", "db1", "a 1 -").substr(0, 40)}) {
        CAPTURE(text);
        CHECK_THROWS_AS(read_names(rows, text), HaproxyError);
    }
}
