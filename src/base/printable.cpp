#include "base/printable.hpp"

#include <algorithm>

namespace checkpg {

namespace {

constexpr std::size_t longest_text = 400;

/// The length in bytes of the UTF-8 character at the start of `text`, 0 if there is none.
std::size_t character_length(std::string_view text) noexcept {
    const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto first = byte(0);
    if (first < 0x80)
        return 1;
    const std::size_t length = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (first > 0xF4 || length > text.size())
        return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xC0U) != 0x80)
            return 0;
    return length;
}

/// Of a whole character. U+0080 to U+009F too: some terminals obey them as escape sequences.
bool is_control(std::string_view character) noexcept {
    const auto first = static_cast<unsigned char>(character[0]);
    const auto last = static_cast<unsigned char>(character.back());
    return first < 0x20 || first == 0x7F || (first == 0xC2 && last <= 0x9F);
}

void hide(std::string& text, std::string_view secret) {
    if (secret.empty())
        return;
    for (auto at = text.find(secret); at != std::string::npos;
         at = text.find(secret, at + mask.size()))
        text.replace(at, secret.size(), mask);
}

} // namespace

std::string printable(std::string_view text, std::size_t most) {
    std::string result;
    text = text.substr(0, most);
    while (!text.empty()) {
        const std::size_t length = character_length(text);
        const auto character = text.substr(0, std::max<std::size_t>(length, 1));
        if (length == 0 || is_control(character))
            result += '?';
        else
            result += character;
        text.remove_prefix(character.size());
    }
    return result;
}

std::string printable_line(std::string_view text, std::string_view secret) {
    std::string safe{text};
    hide(safe, secret);
    return printable(safe, longest_text) + (safe.size() > longest_text ? "..." : "");
}

} // namespace checkpg
