#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace checkpg {

/// A terminal's size in characters.
struct ScreenSize {
    std::size_t rows;
    std::size_t columns;
};

/// Changes to a screen of our own with the cursor hidden, and back to what was there before.
inline constexpr std::string_view enter_screen = "\x1b[?1049h\x1b[?25l";
inline constexpr std::string_view leave_screen = "\x1b[0m\x1b[?25h\x1b[?1049l";

/// What a screen shows: three parts from top to bottom.
struct ScreenText {
    std::string title;
    std::vector<std::string> table; ///< its first line is its header
    std::vector<std::string> below;
};

/// The bytes that paint `text` over whatever the screen shows, without flicker. Lines are cut at
/// the right edge; if there are too many, lines of the table give way first, and a line says how
/// many; `below` is shown from its end.
std::string paint(const ScreenText& text, ScreenSize size);

/// The line cut to this many visible characters; colours are kept and don't count.
std::string cut_to(std::string_view line, std::size_t columns);

} // namespace checkpg
