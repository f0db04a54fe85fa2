#include "base/words.hpp"

#include <algorithm>

namespace checkpg {

std::vector<std::string> words_in(std::string_view text) {
    constexpr std::string_view separators = " \t,";
    std::vector<std::string> words;
    while (true) {
        const auto begin = text.find_first_not_of(separators);
        if (begin == std::string_view::npos)
            return words;
        const auto end = std::min(text.find_first_of(separators, begin), text.size());
        words.emplace_back(text.substr(begin, end - begin));
        text.remove_prefix(end);
    }
}

bool is_alphanumeric(std::string_view text, std::string_view others) noexcept {
    return !text.empty() && std::all_of(text.begin(), text.end(), [others](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               others.find(c) != std::string_view::npos;
    });
}

} // namespace checkpg
