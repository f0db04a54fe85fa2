#include "check/password_file.hpp"

#include "check/named_files.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <sys/stat.h>

namespace checkpg {

namespace {

bool is_nowhere(int error) noexcept { return error == ENOENT || error == ENOTDIR; }

} // namespace

std::optional<std::string> why_ignored(const std::string& password_file, bool may_be_missing) {
    struct stat status {};
    const bool is_missing = ::stat(password_file.c_str(), &status) == -1 && is_nowhere(errno);
    if (is_missing && may_be_missing)
        return std::nullopt;
    if (auto why = why_unreadable(password_file))
        return why;
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return fmt::format("'{}' may be used by group or others, so libpq ignores it: chmod 0600",
                           password_file);
    return std::nullopt;
}

bool can_be_read(const std::string& password_file) {
    return ::access(password_file.c_str(), R_OK) == 0 || errno == ENOENT;
}

std::string why_no_password(const std::string& password_file) {
    if (password_file.empty())
        return "the server wants a password, and there is no password file";
    const auto why = why_unreadable(password_file);
    return fmt::format("the server wants a password, and password file {}",
                       why ? *why : fmt::format("'{}' has none for it", password_file));
}

} // namespace checkpg
