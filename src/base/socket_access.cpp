#include "base/socket_access.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <grp.h>
#include <memory>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace checkpg {

namespace {

struct CloseFile {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

std::string user_name(uid_t id) {
    if (const File file{std::fopen("/etc/passwd", "re")})
        while (const passwd* entry = ::fgetpwent(file.get()))
            if (entry->pw_uid == id)
                return entry->pw_name;
    return std::to_string(id);
}

std::string group_name(gid_t id) {
    if (const File file{std::fopen("/etc/group", "re")})
        while (const group* entry = ::fgetgrent(file.get()))
            if (entry->gr_gid == id)
                return entry->gr_name;
    return std::to_string(id);
}

/// Who besides root has these permission bits: "user a or group b".
std::string who_has(const struct stat& status, mode_t owner_bit, mode_t group_bit) {
    const bool owner = (status.st_mode & owner_bit) != 0 && status.st_uid != 0;
    const bool group = (status.st_mode & group_bit) != 0;
    if (!owner && !group)
        return "only root";
    return fmt::format("{}{}{}", owner ? "user " + user_name(status.st_uid) : "",
                       owner && group ? " or " : "",
                       group ? "group " + group_name(status.st_gid) : "");
}

std::string belongs_to(const struct stat& status) {
    return fmt::format("belongs to {}:{}, mode {:04o}", user_name(status.st_uid),
                       group_name(status.st_gid), status.st_mode & 07777U);
}

std::string explain_directory(const std::string& path, const struct stat& status) {
    return fmt::format("permission denied: directory {} {}: {} may enter it", path,
                       belongs_to(status), who_has(status, S_IXUSR, S_IXGRP));
}

/// Connecting takes the right to write.
std::string explain_socket(const struct stat& status) {
    return fmt::format("permission denied: it {}: {} may use it", belongs_to(status),
                       who_has(status, S_IWUSR, S_IWGRP));
}

} // namespace

std::string explain_denied_access(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0)
        return explain_socket(status);
    std::filesystem::path directory{path};
    while (directory.has_relative_path()) {
        directory = directory.parent_path();
        if (::stat(directory.c_str(), &status) == 0)
            return explain_directory(directory.native(), status);
    }
    return "permission denied";
}

} // namespace checkpg
