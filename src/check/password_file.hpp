#pragma once

#include <optional>
#include <string>

namespace checkpg {

/// Why libpq would ignore this password file, be it with a warning on stderr, where a check under
/// HAProxy must not speak: it can't be read, others may read it, or it is not a plain file (manual,
/// section 34.16). Nothing if it is fine, or isn't there and need not be.
std::optional<std::string> why_ignored(const std::string& password_file, bool may_be_missing);

/// Whether libpq could look into this password file: one that isn't there has nothing in it.
bool can_be_read(const std::string& password_file);

/// For a server that wants a password when we have none: what is wrong with the password file.
std::string why_no_password(const std::string& password_file);

} // namespace checkpg
