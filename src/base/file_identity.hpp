#pragma once

#include <string>
#include <sys/stat.h>

namespace checkpg {

/// Which file this is and when it was last written or had its rights changed: another text if
/// anything of that is another.
std::string file_identity(const struct stat& status);

/// The same of the file that is at a path now; empty if there is none, or it can't be seen.
std::string file_identity(const std::string& path);

} // namespace checkpg
