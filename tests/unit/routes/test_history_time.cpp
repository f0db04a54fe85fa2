#include "routes/history_time.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <ctime>
#include <string>

using namespace checkpg;
using namespace std::chrono_literals;

namespace {

constexpr WallTime moment{std::chrono::sys_days{std::chrono::year{2026} / 3 / 1} + 2h + 12min + 4s};

/// The local zone is Central Europe's, an hour ahead in March.
class InBerlin {
public:
    InBerlin() { set("CET-1CEST,M3.5.0,M10.5.0/3"); }
    ~InBerlin() { set(nullptr); }
    InBerlin(const InBerlin&) = delete;
    InBerlin& operator=(const InBerlin&) = delete;

private:
    static void set(const char* zone) {
        zone == nullptr ? ::unsetenv("TZ") : ::setenv("TZ", zone, 1);
        ::tzset();
    }
};

std::optional<WallTime> time_of(std::string_view line, WallTime now = moment + 1h) {
    const auto stamp = read_stamp(line, now);
    return stamp ? std::optional{stamp->time} : std::nullopt;
}

std::string rest_of(std::string_view line) {
    const auto stamp = read_stamp(line, moment + 1h);
    return stamp ? std::string{stamp->rest} : "no time";
}

} // namespace

TEST_CASE("the times that HAProxy and syslog write are read") {
    const InBerlin zone;
    const WallTime precise = moment + 318ms;
    CHECK(time_of("<5>2026-03-01T02:12:04.318456+00:00 Server") == precise);
    CHECK(time_of("2026-03-01T03:12:04.318456+01:00 Server") == precise);
    CHECK(time_of("2026-03-01T03:12:04+0100 router1 haproxy[1]: x") == moment);
    CHECK(time_of("2026-03-01T02:12:04Z x") == moment);
    CHECK(time_of("2026-03-01 03:12:04,318 x") == precise);
    CHECK(time_of("<133>1 2026-03-01T02:12:04.318Z - haproxy 1 - - x") == precise);
    CHECK(time_of("<133>Mar  1 03:12:04 router1 haproxy[1]: x") == moment);
    CHECK(time_of("Mar 01 03:12:04.318456 router1 haproxy[1]: x") == precise);
    CHECK(time_of("Sun 2026-03-01 03:12:04 CET router1 haproxy[1]: x") == moment);
    CHECK(time_of("Sun 2026-03-01 02:12:04 UTC router1 haproxy[1]: x") == moment);
    CHECK(time_of("1772331124.318456 router1 haproxy[1]: x") == precise);
}

TEST_CASE("what follows the time is left") {
    CHECK(rest_of("<5>2026-03-01T02:12:04.318456+00:00 Server a/b") == "Server a/b");
    CHECK(rest_of("Mar  1 03:12:04 router1 haproxy[1]: x") == "router1 haproxy[1]: x");
    CHECK(rest_of("1772331124.318456 router1 x") == "router1 x");
    CHECK(rest_of("Sun 2026-03-01 02:12:04 UTC router1 x") == "router1 x");
    CHECK(rest_of("2026-03-01T02:12:04Z").empty());
}

TEST_CASE("a line without a time has none") {
    for (const char* line : {"",
                             " ",
                             "<",
                             "<5>",
                             "<133>1 ",
                             "Server a/b is DOWN",
                             "2026-03-01",
                             "2026-03-01T02:12",
                             "2026-02-30T02:12:04Z",
                             "2026-13-01T02:12:04Z",
                             "2026-03-01T24:12:04Z",
                             "2026-03-01T02:12:61Z",
                             "0000-00-00T00:00:00Z",
                             "Mar 32 03:12:04 x",
                             "Foo  1 03:12:04 x",
                             "Mar",
                             "Sun",
                             "Sun 2026-03-01 03:12:04",
                             "1772331124 x",
                             "99999999999.5 x"})
        CHECK_FALSE(time_of(line));
}

TEST_CASE("a time without a year is the last such") {
    const InBerlin zone;
    CHECK(time_of("Mar  1 03:12:04 x", moment) == moment);
    CHECK(time_of("Mar  1 03:12:04 x", moment - 1h) == moment); // another machine's clock
    CHECK(time_of("Dec 31 23:59:59 x", moment) ==
          WallTime{std::chrono::sys_days{std::chrono::year{2025} / 12 / 31} + 22h + 59min + 59s});
    CHECK(time_of("Feb 29 01:00:00 x", moment) ==
          WallTime{std::chrono::sys_days{std::chrono::year{2024} / 2 / 29}});
}

TEST_CASE("the time of --since is one of the day, a whole one, or how long ago") {
    const InBerlin zone;
    CHECK(parse_since("03:12:04", moment) == moment);
    CHECK(parse_since("03:12", moment) == moment - 4s);
    CHECK(parse_since("03:13", moment) == moment + 56s - 24h);
    CHECK(parse_since("2026-03-01", moment) == moment - 3h - 12min - 4s);
    CHECK(parse_since("2026-03-01T03:12", moment) == moment - 4s);
    CHECK(parse_since("2026-03-01 03:12:04.318", moment) == moment + 318ms);
    CHECK(parse_since("2026-03-01T02:12:04Z", moment) == moment);
    CHECK(parse_since("2h", moment) == moment - 2h);
    CHECK(parse_since("90", moment) == moment - 90s);
    for (const char* text : {"", "soon", "25:00", "3:12", "03:12x", "2026-03-01T", "2026-02-30",
                             "2026-03-01T03:12:04Zx", "-2h"})
        CHECK_FALSE(parse_since(text, moment));
}

TEST_CASE("times are written in the local zone") {
    const InBerlin zone;
    CHECK(local_time(moment + 18ms, true) == "2026-03-01 03:12:04.018");
    CHECK(local_time(moment + 18ms, false) == "2026-03-01 03:12:04");
    CHECK(iso_time(moment + 318ms) == "2026-03-01T03:12:04.318+01:00");
}
