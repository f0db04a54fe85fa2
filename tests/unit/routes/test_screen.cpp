#include "routes/change_marks.hpp"
#include "routes/screen.hpp"
#include "stat_tables.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>

using namespace checkpg;

namespace {

using Lines = std::vector<std::string>;

/// What paint() shows, without its escape sequences.
Lines shown(const ScreenText& text, ScreenSize size) {
    std::string bytes = paint(text, size);
    for (const std::string_view sequence : {"\x1b[?25l", "\x1b[H", "\x1b[K", "\x1b[J"})
        for (auto at = bytes.find(sequence); at != std::string::npos; at = bytes.find(sequence))
            bytes.erase(at, sequence.size());
    Lines lines{""};
    for (const char c : bytes) {
        if (c == '\n')
            lines.emplace_back();
        else
            lines.back() += c;
    }
    return lines;
}

const ScreenText text{"title", {"header", "a", "b", "c"}, {"primary", "OK"}};

Routes routes_with(const std::string& status, const std::string& check, StatRow::Number code) {
    return conclude({backend_row("rw"), server_row("rw", "db1", status, check, code)},
                    {{"rw"}, {}, 90});
}

} // namespace

TEST_CASE("a screen shows everything if it fits") {
    CHECK(shown(text, {7, 80}) == Lines{"title", "header", "a", "b", "c", "primary", "OK"});
}

TEST_CASE("the table gives way first, the last line stays") {
    CHECK(shown(text, {6, 80}) ==
          Lines{"title", "header", "a", "... 2 more lines", "primary", "OK"});
    CHECK(shown(text, {4, 80}) == Lines{"title", "... 4 more lines", "primary", "OK"});
    CHECK(shown(text, {3, 80}) == Lines{"title", "primary", "OK"});
    CHECK(shown(text, {2, 80}) == Lines{"title", "OK"});
    CHECK(shown(text, {1, 80}) == Lines{"title"});
    CHECK(shown(text, {0, 80}) == Lines{"title"});
}

TEST_CASE("lines are cut at the edge, colours don't count") {
    CHECK(cut_to("abcdef", 3) == "abc");
    CHECK(cut_to("abc", 3) == "abc");
    CHECK(cut_to("a\x1b[31mbcd\x1b[0mef", 3) == "a\x1b[31mbc\x1b[0m");
    CHECK(cut_to("mmm", 2) == "mm");
    CHECK(cut_to("", 5).empty());
}

TEST_CASE("a change is told once and stays marked for a while") {
    ChangeMarks marks;
    Routes up = routes_with("UP", "PROCOK", 0);
    CHECK(marks.update(up).empty());
    CHECK_FALSE(up.entries[1].changed);
    Routes down = routes_with("DOWN", "PROCERR", 2);
    CHECK(marks.update(down) == Lines{"rw/db1: UP, primary -> DOWN, unreachable"});
    int looks = 0;
    for (; down.entries[1].changed; ++looks)
        CHECK(marks.update(down).empty());
    CHECK(looks == 5);
}

TEST_CASE("a running check and passing time are no changes, a look without answer neither") {
    ChangeMarks marks;
    Routes up = routes_with("UP", "PROCOK", 0);
    marks.update(up);
    Routes unknown = unknown_routes("stopped");
    CHECK(marks.update(unknown).empty());
    Routes checking = routes_with("UP", "* PROCOK", 0);
    checking.entries[1].row.since_change = 17;
    CHECK(marks.update(checking).empty());
}
