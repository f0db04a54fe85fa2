#include "routes/screen.hpp"

#include "routes/width.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace checkpg {

namespace {

using Lines = std::vector<std::string>;

constexpr char escape = '\x1b';

void append_wrapped(Lines& lines, const Lines& more, std::size_t columns) {
    for (const std::string& line : more) {
        Lines parts = wrapped(line, columns);
        std::move(parts.begin(), parts.end(), std::back_inserter(lines));
    }
}

Lines below_lines(const TextBelow& below, std::size_t columns) {
    Lines lines;
    append_wrapped(lines, below.problems, columns);
    lines.insert(lines.end(), below.table.begin(), below.table.end());
    append_wrapped(lines, below.notes, columns);
    return lines;
}

} // namespace

std::string cut_to(std::string_view line, std::size_t columns) {
    std::string result;
    bool in_colour = false;
    std::size_t width = 0;
    for (const char c : line) {
        in_colour = in_colour || c == escape;
        if (!in_colour && begins_character(c))
            ++width;
        if (in_colour || width <= columns)
            result += c;
        if (c == 'm')
            in_colour = false;
    }
    return result;
}

std::vector<std::string> wrapped(const std::string& line, std::size_t columns) {
    constexpr std::string_view indentation = "  ";
    Lines parts;
    std::string part;
    std::string_view rest = line;
    while (!rest.empty()) {
        const auto end = std::min(rest.find(' ', 1), rest.size());
        const auto word = rest.substr(0, end);
        if (!part.empty() && width_of(part) + width_of(word) > columns) {
            parts.push_back(part);
            part = indentation;
            part += word.substr(1);
        } else {
            part += word;
        }
        rest.remove_prefix(end);
    }
    parts.push_back(part);
    return parts;
}

void ScreenView::move(Key key) noexcept {
    const std::size_t last = total_ - std::min(total_, room_);
    const std::size_t page = std::max<std::size_t>(room_, 2) - 1;
    switch (key) {
    case Key::up:
        first_ -= std::min<std::size_t>(first_, 1);
        break;
    case Key::down:
        first_ = std::min(first_ + 1, last);
        break;
    case Key::page_up:
        first_ -= std::min(first_, page);
        break;
    case Key::page_down:
        first_ = std::min(first_ + page, last);
        break;
    case Key::first:
        first_ = 0;
        break;
    case Key::last:
        first_ = last;
        break;
    case Key::quit:
        break;
    }
}

std::string ScreenView::paint(const ScreenText& text, ScreenSize size) {
    constexpr std::size_t rows_with_status = 3;
    const std::size_t rows = std::max<std::size_t>(size.rows, 1);
    const std::size_t status = rows >= rows_with_status ? 1 : 0;
    Lines lines = wrapped(text.state, size.columns);
    lines.resize(std::min(lines.size(), std::max<std::size_t>(rows / 2, 1)));
    const Lines below = below_lines(text.below, size.columns);
    room_ = rows - status - lines.size();
    total_ = below.size();
    first_ = std::min(first_, total_ - std::min(total_, room_));
    const std::size_t shown = std::min(room_, total_);
    const auto begin = below.begin() + static_cast<std::ptrdiff_t>(first_);
    std::copy(begin, begin + static_cast<std::ptrdiff_t>(shown), std::back_inserter(lines));
    if (status > 0) {
        lines.resize(rows - 1);
        lines.push_back(shown < total_ ? fmt::format("lines {}-{} of {}, {}", first_ + 1,
                                                     first_ + shown, total_, text.status)
                                       : text.status);
    }
    std::string bytes = "\x1b[?25l\x1b[H";
    for (std::size_t i = 0; i < lines.size(); ++i) {
        bytes += i > 0 ? "\n" : "";
        bytes += cut_to(lines[i], size.columns);
        bytes += "\x1b[K";
    }
    return bytes + "\x1b[J";
}

} // namespace checkpg
