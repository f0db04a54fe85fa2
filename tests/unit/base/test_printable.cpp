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
    CHECK(printable_line("\xC2", "") == "?");
    CHECK(printable_line(std::string(100'000, 'x'), "").size() < 500);
    CHECK(printable_line("***", "*").size() == 24);
}

TEST_CASE("what is no UTF-8 is not printed: terminals of 8 bits obey some of it") {
    using checkpg::printable;
    CHECK(printable("a\x9B 2J") == "a? 2J");
    CHECK(printable("\xC5\x9B \xE2\x82\xAC \xF0\x9F\x90\x98") ==
          "\xC5\x9B \xE2\x82\xAC \xF0\x9F\x90\x98");
    CHECK(printable("\xE9t\xE9") == "?t?");
    CHECK(printable("\xE2\x82") == "??");
    CHECK(printable("\xC0\x9B \xF5\x80\x80\x80") == "?? ????");
    CHECK(printable("abcdef", 3) == "abc");
    CHECK(printable("") == "");
}
