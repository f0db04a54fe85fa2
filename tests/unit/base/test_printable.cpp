#include "base/printable.hpp"

#include <catch2/catch_test_macros.hpp>

TEST_CASE("what a server says is printed without secrets, control characters or end") {
    using checkpg::printable_line;
    CHECK(printable_line("no hunter2 for hunter2", "hunter2") == "no ******** for ********");
    CHECK(printable_line("a\x1b[2Jb\nc\x7f", "") == "a?[2Jb?c?");
    CHECK(printable_line("h\xC3\xA9", "") == "h\xC3\xA9");
    CHECK(printable_line("a\xC2\x9B"
                         "2J\xC2\xA0",
                         "") == "a?2J\xC2\xA0");
    CHECK(printable_line("\xC2", "") == "\xC2");
    CHECK(printable_line(std::string(100'000, 'x'), "").size() < 500);
    CHECK(printable_line("***", "*").size() == 24);
}
