#include "base/file_identity.hpp"

#include <fmt/format.h>

namespace checkpg {

std::string file_identity(const struct stat& status) {
    return fmt::format("{}:{}:{}:{}.{}:{}.{}", status.st_dev, status.st_ino, status.st_size,
                       status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec,
                       status.st_ctim.tv_nsec);
}

std::string file_identity(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? file_identity(status) : std::string{};
}

} // namespace checkpg
