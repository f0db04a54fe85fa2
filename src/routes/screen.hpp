#pragma once

#include "routes/keys.hpp"
#include "routes/text.hpp"

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

/// What a screen shows, from top to bottom.
struct ScreenText {
    std::string state;
    TextBelow below;
    std::string status; ///< in the last line
};

/// Lays a text out on a screen of any size: the state line always, as much of what is below it as
/// there is room for, from where it was scrolled to, and the status line from three rows on. The
/// table's lines are cut at the right edge, other ones go on in the next line.
class ScreenView {
public:
    /// The bytes that paint `text` over whatever the screen shows, without flicker.
    std::string paint(const ScreenText& text, ScreenSize size);

    /// Scrolls, as far as what was painted last allows.
    void move(Key key) noexcept;

private:
    std::size_t first_ = 0; ///< the line below the state line that is shown first
    std::size_t room_ = 0;
    std::size_t total_ = 0;
};

/// The line cut to this many visible characters; colours are kept and don't count.
std::string cut_to(std::string_view line, std::size_t columns);

/// The line in parts of this many visible characters at most, where blanks allow; those after the
/// first are indented.
std::vector<std::string> wrapped(const std::string& line, std::size_t columns);

} // namespace checkpg
