#include "base/stats_socket.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>

using checkpg::parse_stats_socket;
using Tcp = checkpg::StatsSocket::Tcp;

TEST_CASE("a path has a slash in it") {
    const auto socket = parse_stats_socket("/run/haproxy/admin.sock");
    REQUIRE(socket);
    CHECK(std::get<std::string>(socket->where) == "/run/haproxy/admin.sock");
    CHECK(parse_stats_socket("./stats"));
    CHECK(parse_stats_socket('/' + std::string(106, 'x')));
    CHECK_FALSE(parse_stats_socket('/' + std::string(107, 'x')));
}

TEST_CASE("an address is numeric and has a port") {
    const auto v4 = parse_stats_socket("127.0.0.1:9999");
    REQUIRE(v4);
    CHECK(v4->name == "127.0.0.1:9999");
    CHECK(std::get<Tcp>(v4->where).host == "127.0.0.1");
    CHECK(std::get<Tcp>(v4->where).port == 9999);
    const auto v6 = parse_stats_socket("[::1]:9999");
    REQUIRE(v6);
    CHECK(std::get<Tcp>(v6->where).host == "::1");
    const auto local = parse_stats_socket("localhost:9999");
    REQUIRE(local);
    CHECK(local->name == "localhost:9999");
    CHECK(std::get<Tcp>(local->where).host == "127.0.0.1");
}

TEST_CASE("anything else is no socket") {
    for (const char* text : {"", "stats", ":9999", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0",
                             "127.0.0.1:65536", "router1:9999", "[::1]", "1.2.3:4", "[127.0.0.1:1"})
        CHECK_FALSE(parse_stats_socket(text));
}
