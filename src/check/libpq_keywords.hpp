#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace checkpg {

/// A connection keyword of the libpq that is linked in.
struct LibpqKeyword {
    std::string keyword;
    std::string variable; ///< the environment variable that sets it, or empty
    bool secret;          ///< a password: never shown
};

/// All of libpq's connection keywords: its own list (PQconninfoParse(3) of nothing), so that a
/// newer libpq's are known without a change here. PQconndefaults() would look the operating
/// system's user up, which a static executable must not do. Empty if memory is short.
std::vector<LibpqKeyword> libpq_keywords();

/// The keyword with this name, or null.
const LibpqKeyword* find_keyword(const std::vector<LibpqKeyword>& keywords,
                                 std::string_view name) noexcept;

} // namespace checkpg
