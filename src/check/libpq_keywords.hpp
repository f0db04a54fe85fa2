#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace checkpg {

/// A connection keyword of the libpq that is linked in.
struct LibpqKeyword {
    std::string keyword;
    std::string variable; ///< the environment variable that sets it, or empty
    bool secret;          ///< a password or a key itself, not its file: never shown
};

/// Whether a keyword's value is a secret. libpq marks passwords for forms (dispchar "*"), but
/// neither SCRAM keys nor OAuth secrets: those, and a newer libpq's, are known by their names.
bool is_secret(std::string_view keyword, std::string_view dispchar) noexcept;

/// All of libpq's connection keywords: its own list (PQconninfoParse(3) of nothing), so that a
/// newer libpq's are known without a change here. PQconndefaults() would look the operating
/// system's user up, which a static executable must not do. Empty if memory is short.
std::vector<LibpqKeyword> libpq_keywords();

/// The keyword with this name, or null.
const LibpqKeyword* find_keyword(const std::vector<LibpqKeyword>& keywords,
                                 std::string_view name) noexcept;

/// Whether `sslrootcert = system` means the system's own root certificates (libpq 16), not a file.
bool has_system_roots() noexcept;

} // namespace checkpg
