#include "routes/screen.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace checkpg {

namespace {

using Lines = std::vector<std::string>;

constexpr char escape = '\x1b';

/// As much of the table as fits into `room` lines.
Lines shortened(const Lines& table, std::size_t room) {
    if (table.size() <= room)
        return table;
    if (room == 0)
        return {};
    const auto kept = static_cast<std::ptrdiff_t>(room - 1);
    Lines lines{table.begin(), table.begin() + kept};
    lines.push_back(fmt::format("... {} more lines", table.size() - room + 1));
    return lines;
}

Lines arranged(const ScreenText& text, ScreenSize size) {
    const std::size_t below = std::min(text.below.size(), size.rows - 1);
    Lines lines{text.title};
    const Lines table = shortened(text.table, size.rows - 1 - below);
    std::copy(table.begin(), table.end(), std::back_inserter(lines));
    std::copy(text.below.end() - static_cast<std::ptrdiff_t>(below), text.below.end(),
              std::back_inserter(lines));
    return lines;
}

} // namespace

std::string cut_to(std::string_view line, std::size_t columns) {
    std::string result;
    bool in_colour = false;
    for (const char c : line) {
        if (c == escape)
            in_colour = true;
        if (in_colour || columns > 0)
            result += c;
        if (!in_colour && columns > 0)
            --columns;
        else if (c == 'm')
            in_colour = false;
    }
    return result;
}

std::string paint(const ScreenText& text, ScreenSize size) {
    size.rows = std::max<std::size_t>(size.rows, 1);
    std::string bytes = "\x1b[?25l\x1b[H";
    bool first = true;
    for (const std::string& line : arranged(text, size)) {
        if (!first)
            bytes += "\n";
        first = false;
        bytes += cut_to(line, size.columns) + "\x1b[K";
    }
    return bytes + "\x1b[J";
}

} // namespace checkpg
