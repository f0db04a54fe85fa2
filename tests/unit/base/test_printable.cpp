#include "base/printable.hpp"

#include <catch2/catch_test_macros.hpp>

TEST_CASE("what a server says is printed without secrets, control characters or end") {
    using checkpg::presentable;
    CHECK(presentable("no hunter2 for hunter2", "hunter2") == "no ******** for ********");
    CHECK(presentable("a\x1b[2Jb\nc\x7f", "") == "a?[2Jb?c?");
    CHECK(presentable("h\xC3\xA9", "") == "h\xC3\xA9");
    CHECK(presentable("a\xC2\x9B"
                      "2J\xC2\xA0",
                      "") == "a?2J\xC2\xA0");
    CHECK(presentable("\xC2", "") == "\xC2");
    CHECK(presentable(std::string(100'000, 'x'), "").size() < 500);
    CHECK(presentable("***", "*").size() == 24);
}
