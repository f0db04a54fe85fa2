#include "routes/thresholds.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace checkpg;

namespace {

/// A mark for each of these values: ! for trouble.
std::string marks(std::string_view range) {
    std::string text;
    for (const int value : {-1, 0, 9, 10, 11, 20, 21})
        text += parse_alert_range(range)->alerts(value) ? '!' : '.';
    return text;
}

} // namespace

TEST_CASE("ranges mean what the guidelines for monitoring plugins say") {
    CHECK(marks("10") == "!...!!!");
    CHECK(marks("10:") == "!!!....");
    CHECK(marks("~:10") == "....!!!");
    CHECK(marks("10:20") == "!!!...!");
    CHECK(marks("@10:20") == "...!!!.");
    CHECK(marks("@10") == ".!!!...");
    CHECK(marks("~:") == ".......");
    CHECK(marks("-1:9.5") == "...!!!!");
}

TEST_CASE("what is no range is refused") {
    for (const char* text : {"", "x", ":", "10:5", "~", "@", "1:2:3", "10 ", " 10", "1e3", "~:x",
                             "inf", "10%", "@@10"})
        CHECK_FALSE(parse_alert_range(text));
}

TEST_CASE("a range belongs to a measure, and the last one counts") {
    Thresholds thresholds;
    CHECK(thresholds.add("standbys=2:"));
    CHECK(thresholds.add("standbys=3:"));
    CHECK(thresholds.of(Measure::standbys)->text == "3:");
    CHECK_FALSE(thresholds.of(Measure::queued));
    for (const char* text : {"", "standbys", "=2:", "primaries=1", "standbys=", "standbys=many"})
        CHECK_FALSE(thresholds.add(text));
}
