#include "base/printable.hpp"

#include <algorithm>

namespace checkpg {

namespace {

constexpr std::size_t longest_text = 400;

bool is_control(unsigned char c) noexcept { return c < 0x20 || c == 0x7F; }

/// U+0080 to U+009F in UTF-8: some terminals obey them as they do escape sequences.
bool is_control(unsigned char c, unsigned char next) noexcept {
    return c == 0xC2 && next >= 0x80 && next <= 0x9F;
}

void hide(std::string& text, std::string_view secret) {
    if (secret.empty())
        return;
    for (auto at = text.find(secret); at != std::string::npos;
         at = text.find(secret, at + mask.size()))
        text.replace(at, secret.size(), mask);
}

} // namespace

std::string printable_line(std::string_view text, std::string_view secret) {
    std::string result{text};
    hide(result, secret);
    if (result.size() > longest_text)
        result.replace(longest_text, std::string::npos, "...");
    for (std::size_t i = 0; i < result.size(); ++i) {
        const auto c = static_cast<unsigned char>(result[i]);
        const auto next = static_cast<unsigned char>(i + 1 < result.size() ? result[i + 1] : 0);
        if (is_control(c, next))
            result.replace(i, 2, "?");
        else if (is_control(c))
            result[i] = '?';
    }
    return result;
}

void append_printable_ascii(std::string& target, std::string_view text) {
    const auto is_unsafe = [](char c) { return c < ' ' || c > '~'; };
    const std::size_t begin = target.size();
    target += text;
    std::replace_if(target.begin() + static_cast<std::ptrdiff_t>(begin), target.end(), is_unsafe,
                    '?');
}

std::string printable_ascii(std::string_view text, std::size_t most) {
    std::string result;
    append_printable_ascii(result, text.substr(0, most));
    return result;
}

} // namespace checkpg
