#include "check/password_file.hpp"

#include "check/named_files.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

namespace checkpg {

namespace {

/// Not there, or not for us.
bool is_absent(const std::string& file) noexcept {
    return ::access(file.c_str(), R_OK) == -1 &&
           (errno == ENOENT || errno == ENOTDIR || errno == EACCES || errno == EPERM);
}

} // namespace

std::optional<std::string> why_ignored(const std::string& password_file, bool may_be_missing) {
    if (may_be_missing && is_absent(password_file))
        return std::nullopt;
    if (auto why = why_unreadable(password_file))
        return why;
    struct stat status {};
    if (::stat(password_file.c_str(), &status) == -1)
        return fmt::format("'{}' can't be read: {}", password_file, std::strerror(errno));
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return fmt::format("'{}' may be used by group or others, so libpq ignores it: chmod 0600",
                           password_file);
    return std::nullopt;
}

bool can_be_read(const std::string& password_file) {
    return !why_unreadable(password_file) ||
           (::access(password_file.c_str(), F_OK) == -1 && errno == ENOENT);
}

std::string why_no_password(const std::string& password_file) {
    if (password_file.empty())
        return "the server wants a password, and there is no password file";
    const auto why = why_unreadable(password_file);
    return fmt::format("the server wants a password, and password file {}",
                       why ? *why : fmt::format("'{}' has none for it", password_file));
}

} // namespace checkpg
