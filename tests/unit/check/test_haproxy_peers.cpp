#include "check/haproxy_peers.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <vector>

using checkpg::parse_servers_state;
using checkpg::Peer;

namespace {

/// What HAProxy 2.6 says.
const std::string header =
    "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight "
    "srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health "
    "srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord "
    "srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port\n";
const std::string db1 = "2 b 1 db1 192.0.2.11 2 0 1 1 1 1 0 2 0 0 0 0 - 5432 - 0 0 - - 0\n";
const std::string db2 = "2 b 2 db2 192.0.2.12 0 5 1 1 1 1 0 0 8 0 0 0 - 0 - 0 0 - - 0\n";
const std::string ipv6 = "2 b 7 v6 2001:db8::13 2 0 1 1 1 1 0 2 0 0 0 0 - 5433 - 0 0 - - 0\n";
const std::string resolved =
    "2 b 13 loc 127.0.0.1 2 0 1 1 1 1 0 2 0 0 0 0 localhost 5432 - 0 0 - - 0\n";
const std::string unix_socket = "2 b 3 u1 - 2 0 1 1 1 1 0 2 0 0 0 0 - 0 - 0 0 - - 0\n";
const std::string unresolved =
    "2 b 5 n1 - 0 32 1 1 1 1 0 0 0 0 0 0 nosuch.example.invalid 5432 - 0 0 - - 0\n";
const std::string unused_slot =
    "2 b 8 t1 - 0 32 1 1 1 1 0 0 0 0 0 0 - 0 _pg._tcp.example.invalid 0 0 - - 0\n";

std::vector<Peer> parsed(const std::string& answer, const std::string& port = "") {
    return parse_servers_state(answer, {"b", port, ""});
}

std::string refusal(const std::string& answer) {
    try {
        parsed(answer);
    } catch (const checkpg::HaproxyError& error) {
        return error.what();
    }
    return "accepted";
}

} // namespace

TEST_CASE("every server that HAProxy has is a peer, whatever it thinks of it") {
    const auto peers = parsed(header + db1 + db2 + ipv6 + resolved + "\n");
    REQUIRE(peers.size() == 4);
    CHECK(peers[0].text == "db1=192.0.2.11:5432");
    CHECK(peers[0].host == "db1");
    CHECK(peers[0].address == "192.0.2.11");
    CHECK(peers[0].port == "5432");
    CHECK(peers[1].text == "db2=192.0.2.12");
    CHECK(peers[1].port.empty());
    CHECK(peers[2].text == "v6=[2001:db8::13]:5433");
    CHECK(peers[2].address == "2001:db8::13");
    CHECK(peers[3].address == "127.0.0.1");
}

TEST_CASE("the port of the configuration file is for all of them") {
    const auto peers = parsed(header + db1 + db2 + "\n", "6000");
    REQUIRE(peers.size() == 2);
    CHECK(peers[0].text == "db1=192.0.2.11:6000");
    CHECK(peers[1].port == "6000");
}

TEST_CASE("columns are found by their names") {
    const auto peers = parsed("1\n# srv_port new srv_addr srv_name be_name\n5432 ? ::1 db1 b\n\n");
    REQUIRE(peers.size() == 1);
    CHECK(peers[0].text == "db1=[::1]:5432");
}

TEST_CASE("a server whose address can't be told leaves the peers unknown") {
    const std::string zeros = "2 b 1 db1 192.0.2.11" + std::string(2, '\0') +
                              " 2 0 1 1 1 1 0 2 0 0 0 0 - 5432 - 0 0 - - 0\n";
    for (const std::string& line : {unix_socket, unresolved, unused_slot, zeros})
        CHECK(refusal(header + db1 + line + "\n").find("HAProxy has no address for its server") ==
              0);
}

TEST_CASE("a list that was cut anywhere is refused") {
    const std::string whole = header + db1 + db2 + "\n";
    REQUIRE(parsed(whole).size() == 2);
    for (std::size_t length = 0; length < whole.size(); ++length)
        CHECK(refusal(whole.substr(0, length)) != "accepted");
    CHECK(refusal(whole + "\n") == "HAProxy's list of servers goes on behind its end");
}

TEST_CASE("what is no list is quoted, without its control characters") {
    CHECK(refusal("Can't find backend.\n\n") ==
          "no list of the servers in backend b: the answer is 'Can't find backend.'");
    CHECK(refusal("\x1b[31m\n").find("'?[31m'") != std::string::npos);
    CHECK(refusal(std::string(500, 'x')).size() < 200);
    CHECK(refusal(header + "\n") == "no server in backend b");
    CHECK(refusal("1\n" + db1 + "\n").find("has no header") != std::string::npos);
}

TEST_CASE("the servers of another backend are not taken for this one's") {
    CHECK(
        refusal(header + "3 bb 1 db1 192.0.2.11 2 0 1 1 1 1 0 2 0 0 0 0 - 5432 - 0 0 - - 0\n\n") ==
        "asked for the servers of backend b, HAProxy tells of backend bb");
}
