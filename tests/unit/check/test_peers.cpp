#include "check/peers.hpp"
#include "check/settings.hpp"
#include "refusal.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

using checkpg::parse_peers;
using checkpg::Peer;

namespace {

std::vector<Peer> parsed(const std::string& text) {
    return parse_peers({"peers", text, "checkpg.conf:1"});
}

std::string refusal(const std::string& text) {
    return refusal_of(checkpg::ExitCode::configuration, [&] { parsed(text); });
}

} // namespace

TEST_CASE("a peer is an address or a name, with a port if need be") {
    const auto peers = parsed("192.0.2.11 192.0.2.12:5433,db3\tdb4.example.com:5434");
    REQUIRE(peers.size() == 4);
    CHECK((peers[0].host == "192.0.2.11" && peers[0].address == "192.0.2.11"));
    CHECK(peers[0].port.empty());
    CHECK((peers[1].address == "192.0.2.12" && peers[1].port == "5433"));
    CHECK((peers[2].host == "db3" && peers[2].address.empty() && peers[2].port.empty()));
    CHECK((peers[3].host == "db4.example.com" && peers[3].port == "5434"));
}

TEST_CASE("an IPv6 peer with a port stands in brackets") {
    const auto peers = parsed("2001:db8::1 [2001:db8::2] [2001:db8::3]:5433");
    REQUIRE(peers.size() == 3);
    CHECK((peers[0].address == "2001:db8::1" && peers[0].port.empty()));
    CHECK((peers[1].address == "2001:db8::2" && peers[1].port.empty()));
    CHECK((peers[2].address == "2001:db8::3" && peers[2].port == "5433"));
}

TEST_CASE("a name before an address is for certificates and passwords") {
    const auto peers =
        parsed("db1.example.com=192.0.2.11:5433 db2=[2001:db8::2]:5434 db3=192.0.2.3");
    REQUIRE(peers.size() == 3);
    CHECK((peers[0].host == "db1.example.com" && peers[0].address == "192.0.2.11"));
    CHECK(peers[0].port == "5433");
    CHECK((peers[1].host == "db2" && peers[1].address == "2001:db8::2" && peers[1].port == "5434"));
    CHECK((peers[2].host == "db3" && peers[2].address == "192.0.2.3" && peers[2].port.empty()));
}

TEST_CASE("what is not a peer is refused by name") {
    for (const char* text :
         {"db1:", "db1:0", "db1:65536", "db1:abc", "[2001:db8::1", "[db1", "2001:db8::1]:5",
          "[2001:db8::1]5432", "=192.0.2.1", "db1=", "db1=db2", "a=b=192.0.2.1", "db1;db2", "-db",
          "/run/postgresql", ":5432", "[]:1", "db1:5432:5433", "'db1'"})
        CHECK(refusal(text) ==
              fmt::format("checkpg.conf:1: peers '{}' is not a server: write address, name, "
                          "address:port, [IPv6]:port or name=address:port",
                          text));
    CHECK(refusal("").empty() == false);
    CHECK(parsed("").empty());
    CHECK(parsed(" , ").empty());
}

TEST_CASE("a peer twice or too many of them are refused") {
    CHECK(refusal("db1 db2 db1") == "checkpg.conf:1: peers 'db1' stands there twice");
    CHECK(refusal("192.0.2.1:5432,192.0.2.1:5432").find("twice") != std::string::npos);
    CHECK(refusal("192.0.2.1:5432 192.0.2.1:5433") == "accepted");
    std::string many;
    for (int i = 0; i < 1000; ++i)
        many += fmt::format("192.0.{}.{} ", 2 + i / 250, 1 + i % 250);
    CHECK(refusal(many) == "checkpg.conf:1: peers more than 32 servers");
}

TEST_CASE("a peer inherits the server's settings but for where it is") {
    const std::vector<checkpg::Setting> server{{"user", "checkpg", ""},
                                               {"host", "db1", ""},
                                               {"hostaddr", "192.0.2.11", ""},
                                               {"port", "5432", ""}};
    const auto peer = checkpg::settings_for(parsed("db2=192.0.2.12")[0], server);
    CHECK(checkpg::value_of(peer, "user") == "checkpg");
    CHECK(checkpg::value_of(peer, "host") == "db2");
    CHECK(checkpg::value_of(peer, "hostaddr") == "192.0.2.12");
    CHECK(checkpg::value_of(peer, "port") == "5432");
    const auto by_name = checkpg::settings_for(parsed("db3:5433")[0], server);
    CHECK(checkpg::value_of(by_name, "hostaddr").empty());
    CHECK(checkpg::value_of(by_name, "port") == "5433");
    CHECK(checkpg::is_at(parsed("192.0.2.11")[0], server));
    CHECK(checkpg::is_at(parsed("x=192.0.2.11:5432")[0], server));
    CHECK_FALSE(checkpg::is_at(parsed("192.0.2.11:5433")[0], server));
    CHECK_FALSE(checkpg::is_at(parsed("db1")[0], server));
}
