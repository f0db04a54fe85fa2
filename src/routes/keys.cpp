#include "routes/keys.hpp"

#include <algorithm>
#include <array>

namespace checkpg {

namespace {

struct KeyBytes {
    std::string_view bytes;
    Key key;
};

constexpr std::array key_bytes{
    KeyBytes{"\x1b[A", Key::up},
    KeyBytes{"\x1b[B", Key::down},
    KeyBytes{"\x1bOA", Key::up},
    KeyBytes{"\x1bOB", Key::down},
    KeyBytes{"\x1b[5~", Key::page_up},
    KeyBytes{"\x1b[6~", Key::page_down},
    KeyBytes{"\x1b[H", Key::first},
    KeyBytes{"\x1b[F", Key::last},
    KeyBytes{"\x1bOH", Key::first},
    KeyBytes{"\x1bOF", Key::last},
    KeyBytes{"\x1b[1~", Key::first},
    KeyBytes{"\x1b[4~", Key::last},
    KeyBytes{"k", Key::up},
    KeyBytes{"j", Key::down},
    KeyBytes{"b", Key::page_up},
    KeyBytes{" ", Key::page_down},
    KeyBytes{"g", Key::first},
    KeyBytes{"G", Key::last},
    KeyBytes{"q", Key::quit},
    KeyBytes{"Q", Key::quit},
};

/// How long the sequence of another key is that these bytes begin with: ESC, '[' or 'O', digits and
/// such, a letter or '~'.
std::size_t length_of_other(std::string_view bytes) noexcept {
    constexpr std::size_t introduction = 2;
    if (bytes.size() < introduction || bytes[0] != '\x1b' || (bytes[1] != '[' && bytes[1] != 'O'))
        return 1;
    const auto end = bytes.find_first_not_of("0123456789;?", introduction);
    return end == std::string_view::npos ? bytes.size() : end + 1;
}

} // namespace

std::vector<Key> keys_in(std::string_view bytes) {
    std::vector<Key> keys;
    while (!bytes.empty()) {
        const auto* const found =
            std::find_if(key_bytes.begin(), key_bytes.end(),
                         [&](const KeyBytes& one) { return bytes.starts_with(one.bytes); });
        if (found != key_bytes.end())
            keys.push_back(found->key);
        bytes.remove_prefix(found != key_bytes.end() ? found->bytes.size()
                                                     : length_of_other(bytes));
    }
    return keys;
}

} // namespace checkpg
