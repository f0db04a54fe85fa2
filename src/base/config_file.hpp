#pragma once

#include "base/environment.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <vector>

namespace checkpg {

/// One `key = value` line of checkpg.conf.
struct ConfigEntry {
    std::string section; ///< a HAProxy backend's name or what else is in brackets, empty for the
                         ///< global part
    std::string key;
    std::string value;            ///< without surrounding blanks and quotes
    std::size_t line;             ///< counted from 1
    std::size_t section_line = 0; ///< of the section's name; 0 in the global part
};

/// A configuration file as read.
struct ConfigFile {
    std::filesystem::path path;
    std::vector<ConfigEntry> entries; ///< in the file's order
    bool read_by_others = false;      ///< anybody may read it: no place for a password
    struct stat status {};            ///< of the file that was read
};

/// The configuration file used unless --config or $CHECKPG_CONFIG names another.
inline constexpr const char* default_config_file = "/etc/checkpg/checkpg.conf";

/// Reads the file that applies: --config, $CHECKPG_CONFIG or the default one. Nothing if the
/// default one doesn't exist; a named one must. Throws what read_config_file() does.
std::optional<ConfigFile> find_config_file(const std::optional<std::string>& named,
                                           const EnvironmentLookup& environment);

/// Reads a configuration file. Nothing if it doesn't exist. Throws a configuration error that
/// names the file if it can't be read, isn't a regular file or is larger than 1 MiB, and what
/// parse_config() throws. Never blocks, not even on a FIFO.
std::optional<ConfigFile> read_config_file(const std::filesystem::path& path);

/// The entries in `text`; `path` is for messages only. Throws a configuration error that names
/// file and line if a line is neither blank, a comment, `[section]` nor `key = value`, or a key
/// stands twice in one section, or there is a NUL byte. CRLF line ends and a UTF-8 byte order
/// mark are accepted.
std::vector<ConfigEntry> parse_config(std::string_view text, const std::filesystem::path& path);

} // namespace checkpg
