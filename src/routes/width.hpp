#pragma once

#include <cstddef>
#include <string_view>

namespace checkpg {

/// Whether this byte begins a character of UTF-8.
constexpr bool begins_character(char byte) noexcept {
    constexpr unsigned kind_of_byte = 0xC0;
    constexpr unsigned goes_on = 0x80;
    return (static_cast<unsigned char>(byte) & kind_of_byte) != goes_on;
}

/// How many characters this text has on a terminal; colours are none.
constexpr std::size_t width_of(std::string_view text) noexcept {
    std::size_t width = 0;
    bool in_colour = false;
    for (const char c : text) {
        in_colour = in_colour || c == '\x1b';
        if (!in_colour && begins_character(c))
            ++width;
        if (c == 'm')
            in_colour = false;
    }
    return width;
}

} // namespace checkpg
