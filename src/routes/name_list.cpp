#include "routes/name_list.hpp"

#include "base/printable.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace checkpg {

std::string listed(const std::vector<std::string>& names) {
    constexpr std::size_t most = 4; // and a fifth takes no more room than "and 1 more"
    const std::size_t shown = names.size() > most + 1 ? most : names.size();
    std::string text = printable(fmt::format(
        "{}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), ", ")));
    if (names.size() > shown)
        text += fmt::format(" and {} more", names.size() - shown);
    return text;
}

} // namespace checkpg
