#include "check/password_file.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

namespace checkpg {

std::optional<std::string> why_ignored(const std::string& password_file) {
    struct stat status {};
    if (::stat(password_file.c_str(), &status) == -1)
        return std::nullopt;
    if (!S_ISREG(status.st_mode))
        return fmt::format("'{}' is not a plain file", password_file);
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return fmt::format("'{}' may be used by group or others, so libpq ignores it: chmod 0600",
                           password_file);
    return std::nullopt;
}

bool can_be_read(const std::string& password_file) {
    return ::access(password_file.c_str(), R_OK) == 0 || errno == ENOENT;
}

std::string why_no_password(const std::string& password_file) {
    if (::access(password_file.c_str(), R_OK) == -1)
        return fmt::format("the server wants a password, and password file '{}' can't be read: {}",
                           password_file, std::strerror(errno));
    return fmt::format("the server wants a password, and password file '{}' has none for it",
                       password_file);
}

} // namespace checkpg
