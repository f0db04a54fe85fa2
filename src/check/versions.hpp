#pragma once

#include <string>
#include <string_view>

namespace checkpg {

/// What --version prints: the program's version and those of libpq and OpenSSL linked in, a line
/// each.
std::string versions(std::string_view program);

} // namespace checkpg
