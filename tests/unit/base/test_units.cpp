#include "base/units.hpp"

#include <catch2/catch_test_macros.hpp>

#include <limits>

using namespace std::chrono_literals;
using checkpg::milliseconds;

TEST_CASE("a duration is a number and one of PostgreSQL's time units") {
    using checkpg::parse_duration;
    CHECK(parse_duration("800ms") == 800ms);
    CHECK(parse_duration("800") == 800ms);
    CHECK(parse_duration("1.5s") == 1500ms);
    CHECK(parse_duration("2 s") == 2000ms);
    CHECK(parse_duration("3min") == 180'000ms);
    CHECK(parse_duration("1h") == 3'600'000ms);
    CHECK(parse_duration("1d") == 86'400'000ms);
    CHECK(parse_duration("0") == 0ms);
}

TEST_CASE("what is not exactly a duration is none") {
    using checkpg::parse_duration;
    for (const char* text : {"", " ", "ms", "-1s", "+1s", "1 apple", "1sec", "1 s s", "0x10", "1e3",
                             "nan", "inf", "1,5s", "999999d", "99999999999999999999999", " 1s"})
        CHECK_FALSE(parse_duration(text));
}

TEST_CASE("a size is a whole number and one of PostgreSQL's memory units") {
    using checkpg::parse_size;
    CHECK(parse_size("0") == 0U);
    CHECK(parse_size("8192") == 8192U);
    CHECK(parse_size("16MB") == 16U * 1024 * 1024);
    CHECK(parse_size("512 kB") == 512U * 1024);
    CHECK(parse_size("1TB") == 1024ULL * 1024 * 1024 * 1024);
    CHECK(parse_size("18446744073709551615") == std::numeric_limits<std::uint64_t>::max());
}

TEST_CASE("what is not exactly a size is none") {
    using checkpg::parse_size;
    for (const char* text : {"", "MB", "16 apples", "16mb", "16M", "-1", "1.5MB",
                             "18446744073709551616", "20000000TB"})
        CHECK_FALSE(parse_size(text));
}

TEST_CASE("a port is 1 to 65535 and nothing else") {
    using checkpg::parse_port;
    CHECK(parse_port("1") == 1);
    CHECK(parse_port("5432") == 5432);
    CHECK(parse_port("65535") == 65535);
    for (const char* text : {"", "0", "65536", "abc", "5432x", "-1", "+1", " 5432", "5432 ", "0x50",
                             "1,2", "5432 1", "1.5"})
        CHECK_FALSE(parse_port(text));
}

TEST_CASE("booleans are spelt as in postgresql.conf") {
    using checkpg::parse_boolean;
    for (const char* text : {"on", "ON", "true", "yes", "1"})
        CHECK(parse_boolean(text) == true);
    for (const char* text : {"off", "Off", "false", "no", "0"})
        CHECK(parse_boolean(text) == false);
    for (const char* text : {"", "maybe", "2", "onn", "tru"})
        CHECK_FALSE(parse_boolean(text));
}

TEST_CASE("what was measured is told so that people can read it") {
    using namespace checkpg;
    CHECK(rough_duration(0ms) == "0 ms");
    CHECK(rough_duration(767ms) == "767 ms");
    CHECK(rough_duration(13'456ms) == "13.4 s");
    CHECK(rough_duration(59'999ms) == "59.9 s");
    CHECK(rough_duration(60'000ms) == "1m00s");
    CHECK(rough_duration(767'852ms) == "12m47s");
    CHECK(rough_duration(std::chrono::seconds{3h + 5min}) == "3h05m");
    CHECK(rough_duration(std::chrono::seconds{52h}) == "2d04h");
    CHECK(rough_duration(59s) == "59s");
    using Fine = std::chrono::duration<double, std::milli>;
    CHECK(fine_duration(Fine{0}) == "0.0 ms");
    CHECK(fine_duration(Fine{4.24}) == "4.2 ms");
    CHECK(fine_duration(Fine{999.94}) == "999.9 ms");
    CHECK(fine_duration(Fine{999.96}) == "1.00 s");
    CHECK(fine_duration(Fine{13'415.2}) == "13.42 s");
    CHECK(rough_size(0) == "0 B");
    CHECK(rough_size(1023) == "1023 B");
    CHECK(rough_size(1024) == "1.0 kB");
    CHECK(rough_size(3'250'586) == "3.1 MB");
    CHECK(rough_size(std::numeric_limits<std::uint64_t>::max()) == "16777216.0 TB");
}

TEST_CASE("what is formatted can be read back") {
    using namespace checkpg;
    CHECK(format_duration(1500ms) == "1500ms");
    CHECK(format_duration(2s) == "2s");
    CHECK(format_duration(0ms) == "0ms");
    CHECK(format_size(16 * 1024 * 1024) == "16MB");
    CHECK(format_size(1000) == "1000B");
    CHECK(parse_duration(format_duration(90s)) == 90s);
    CHECK(parse_size(format_size(1536)) == 1536U);
}

TEST_CASE("on a command line a bare number is seconds") {
    using checkpg::parse_seconds;
    CHECK(parse_seconds("2") == 2000ms);
    CHECK(parse_seconds("0.5") == 500ms);
    CHECK(parse_seconds("800ms") == 800ms);
    CHECK(parse_seconds("1 min") == 60'000ms);
    for (const char* text : {"", ".", "-1", "1 x", "1.5.2"})
        CHECK_FALSE(parse_seconds(text));
}
