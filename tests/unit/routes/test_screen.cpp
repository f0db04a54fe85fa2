#include "routes/change_marks.hpp"
#include "routes/screen.hpp"
#include "stat_tables.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>

using namespace checkpg;

namespace {

using Lines = std::vector<std::string>;

/// What paint() shows, without its escape sequences.
Lines shown(ScreenView& view, const ScreenText& text, ScreenSize size) {
    std::string bytes = view.paint(text, size);
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

Lines shown(const ScreenText& text, ScreenSize size) {
    ScreenView view;
    return shown(view, text, size);
}

const ScreenText text{
    "OK: all is well", {{"warning: x"}, {"header", "a", "b"}, {"note: n"}}, "q ends"};

Routes routes_with(const std::string& status, const std::string& check, StatRow::Number code) {
    return conclude({backend_row("rw"), server_row("rw", "db1", status, check, code)},
                    {{"rw"}, {}, 90});
}

} // namespace

TEST_CASE("a screen shows everything if it fits, the status line at its end") {
    CHECK(shown(text, {8, 80}) ==
          Lines{"OK: all is well", "warning: x", "header", "a", "b", "note: n", "", "q ends"});
    CHECK(shown(text, {7, 80}) ==
          Lines{"OK: all is well", "warning: x", "header", "a", "b", "note: n", "q ends"});
}

TEST_CASE("the state line stays, whatever the size") {
    CHECK(shown(text, {5, 80}) ==
          Lines{"OK: all is well", "warning: x", "header", "a", "lines 1-3 of 5, q ends"});
    CHECK(shown(text, {3, 80}) == Lines{"OK: all is well", "warning: x", "lines 1-1 of 5, q ends"});
    CHECK(shown(text, {2, 80}) == Lines{"OK: all is well", "warning: x"});
    CHECK(shown(text, {1, 80}) == Lines{"OK: all is well"});
    CHECK(shown(text, {0, 80}) == Lines{"OK: all is well"});
    for (std::size_t columns = 0; columns < 20; ++columns)
        for (std::size_t rows = 1; rows < 12; ++rows)
            for (const Lines lines = shown(text, {rows, columns});
                 const std::string& line : lines) {
                CHECK(lines.size() <= rows);
                CHECK(line.size() <= columns);
            }
}

TEST_CASE("sentences go on in the next line, the table's lines are cut") {
    CHECK(shown(text, {20, 10}) == Lines{"OK: all is", "  well", "warning: x", "header", "a", "b",
                                         "note: n",    "",       "",           "",       "",  "",
                                         "",           "",       "",           "",       "",  "",
                                         "",           "q ends"});
    CHECK(wrapped("a\x1b[31mbc\x1b[0m def", 4) == Lines{"a\x1b[31mbc\x1b[0m", "  def"});
    CHECK(wrapped("abcdef gh", 3) == Lines{"abcdef", "  gh"});
    CHECK(wrapped("", 3) == Lines{""});
}

TEST_CASE("what has no room is scrolled to") {
    ScreenView view;
    const ScreenSize size{4, 80}; // two lines of five
    const auto after = [&](Key key) {
        view.move(key);
        const Lines lines = shown(view, text, size);
        return lines[1] + ", " + lines[2];
    };
    shown(view, text, size);
    CHECK(after(Key::up) == "warning: x, header");
    CHECK(after(Key::down) == "header, a");
    CHECK(after(Key::page_down) == "a, b");
    CHECK(after(Key::last) == "b, note: n");
    CHECK(after(Key::down) == "b, note: n");
    CHECK(after(Key::page_up) == "a, b");
    CHECK(after(Key::first) == "warning: x, header");
    view.move(Key::last);
    CHECK(shown(view, text, {8, 80})[1] == "warning: x");
}

TEST_CASE("keys as terminals send them") {
    CHECK(keys_in("jk q") == std::vector{Key::down, Key::up, Key::page_down, Key::quit});
    CHECK(keys_in("\x1b[A\x1bOB\x1b[6~\x1b[5~\x1b[H\x1b[4~") ==
          std::vector{Key::up, Key::down, Key::page_down, Key::page_up, Key::first, Key::last});
    CHECK(keys_in("x\x1b[15~\x1b[1;5Aj\x1b[") == std::vector{Key::down});
    CHECK(keys_in("\x1bq") == std::vector{Key::quit});
    CHECK(keys_in("").empty());
}

TEST_CASE("lines are cut at the edge, colours don't count") {
    CHECK(cut_to("abcdef", 3) == "abc");
    CHECK(cut_to("abc", 3) == "abc");
    CHECK(cut_to("a\x1b[31mbcd\x1b[0mef", 3) == "a\x1b[31mbc\x1b[0m");
    CHECK(cut_to("mmm", 2) == "mm");
    CHECK(cut_to("", 5).empty());
    CHECK(cut_to("\u00e4\u00f6\u00fc", 2) == "\u00e4\u00f6");
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

TEST_CASE("numbers and times are no news") {
    ChangeMarks marks;
    Routes up = routes_with("UP", "PROCOK", 0);
    CHECK(marks.is_news(up));
    up.read_write.now = 5;
    up.role_since = TimeSpan{7, false};
    CHECK_FALSE(marks.is_news(up));
    CHECK(marks.is_news(routes_with("DOWN", "PROCERR", 2)));
    CHECK_FALSE(marks.is_news(routes_with("DOWN", "PROCERR", 2)));
    CHECK(marks.is_news(routes_with("DOWN", "PROCERR", 3)));
    CHECK(marks.is_news(unknown_routes("stopped")));
    CHECK(marks.is_news(up));
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
