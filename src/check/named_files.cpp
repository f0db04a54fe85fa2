#include "check/named_files.hpp"

#include "check/libpq_keywords.hpp"
#include "check/settings.hpp"
#include "check/target.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace checkpg {

namespace {

constexpr std::array<std::string_view, 4> file_keys{"sslrootcert", "sslcrl", "sslcert", "sslkey"};

/// A key that libpq passes over unless the other one is set.
struct Need {
    std::string_view key;
    std::string_view other;
};

constexpr std::array<Need, 4> needs{{{"sslcrl", "sslrootcert"},
                                     {"sslcrldir", "sslrootcert"},
                                     {"sslcert", "sslkey"},
                                     {"sslkey", "sslcert"}}};

/// What says whether the server is the right one.
constexpr std::array<std::string_view, 3> verifying_keys{"sslrootcert", "sslcrl", "sslcrldir"};

bool is_of_our_certificate(std::string_view key) noexcept {
    return key == "sslcert" || key == "sslkey";
}

/// libpq 16: the magic word is no file.
bool uses_system_roots(const std::vector<Setting>& settings) noexcept {
    return has_system_roots() && value_of(settings, "sslrootcert") == "system";
}

std::string_view tls_mode(const std::vector<Setting>& settings) noexcept {
    const std::string_view mode = value_of(settings, "sslmode");
    if (!mode.empty())
        return mode;
    return uses_system_roots(settings) ? "verify-full" : "prefer";
}

/// The setting of a key that counts: it has a value, and sslcertmode does not rule it out.
const Setting* counting(const std::vector<Setting>& settings, std::string_view key) noexcept {
    if (is_of_our_certificate(key) && value_of(settings, "sslcertmode") == "disable")
        return nullptr;
    return find_setting(settings, key);
}

/// A file that libpq itself reads: not the system's roots, not a key in an engine's care.
bool names_a_file(const std::vector<Setting>& settings, const Setting& setting) noexcept {
    if (setting.key == "sslrootcert")
        return !uses_system_roots(settings);
    return setting.key != "sslkey" || setting.value.find(':') == std::string::npos;
}

/// Over a UNIX socket there is no TLS; its peers may be elsewhere.
bool may_use_tls(const std::vector<Setting>& settings) noexcept {
    return tls_mode(settings) != "disable" && (find_setting(settings, "peers") != nullptr ||
                                               !is_socket_directory(value_of(settings, "host")));
}

void refuse_given_up_verification(const std::vector<Setting>& settings) {
    const std::string_view mode = tls_mode(settings);
    if (mode != "allow" && mode != "prefer")
        return;
    for (const std::string_view key : verifying_keys)
        if (const Setting* const setting = counting(settings, key))
            throw bad_setting(*setting,
                              fmt::format("does not count with sslmode '{}', which goes on without "
                                          "TLS: set sslmode = verify-full",
                                          mode));
}

void refuse_missing_other(const std::vector<Setting>& settings) {
    const Setting* const mode = find_setting(settings, "sslmode");
    if (mode != nullptr && mode->value.starts_with("verify-") &&
        counting(settings, "sslrootcert") == nullptr)
        throw bad_setting(*mode,
                          fmt::format("'{}' needs sslrootcert, which has no default", mode->value));
    for (const auto& [key, other] : needs)
        if (const Setting* const setting = counting(settings, key);
            setting != nullptr && counting(settings, other) == nullptr)
            throw bad_setting(*setting,
                              fmt::format("counts only with {}, which has no default", other));
    for (const std::string_view key : {"sslcrl", "sslcrldir"})
        if (const Setting* const setting = counting(settings, key);
            setting != nullptr && uses_system_roots(settings))
            throw bad_setting(*setting, "does not count with sslrootcert 'system': name a file "
                                        "of root certificates");
}

void refuse_unreadable_directory(const Setting& setting) {
    const int descriptor = ::open(setting.value.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    if (descriptor == -1)
        throw bad_setting(
            setting, fmt::format("'{}' can't be read: {}", setting.value, std::strerror(errno)));
    ::close(descriptor);
}

void refuse_unreadable_files(const std::vector<Setting>& settings) {
    for (const std::string_view key : file_keys)
        if (const Setting* const setting = counting(settings, key);
            setting != nullptr && names_a_file(settings, *setting))
            if (const auto why = why_unreadable(setting->value))
                throw bad_setting(*setting, *why);
    if (const Setting* const setting = counting(settings, "sslcrldir"))
        refuse_unreadable_directory(*setting);
}

/// What only one kind of connection can keep.
void refuse_promises_nobody_keeps(const std::vector<Setting>& settings) {
    if (const Setting* const peer = find_setting(settings, "requirepeer");
        peer != nullptr && !is_socket_directory(value_of(settings, "host")))
        throw bad_setting(*peer, "counts on UNIX sockets only, and this server is asked over TCP");
#ifdef CHECKPG_STATIC
    if (const Setting* const mode = find_setting(settings, "gssencmode");
        mode != nullptr && mode->value == "require")
        throw bad_setting(*mode, "'require' can't be kept: this executable has no GSSAPI");
#endif
}

} // namespace

std::optional<std::string> why_unreadable(const std::string& file) {
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor == -1)
        return fmt::format("'{}' can't be read: {}", file, std::strerror(errno));
    struct stat status {};
    const bool is_plain = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    ::close(descriptor);
    if (!is_plain)
        return fmt::format("'{}' is not a plain file", file);
    return std::nullopt;
}

void refuse_idle_settings(const std::vector<Setting>& settings) {
    refuse_promises_nobody_keeps(settings);
    if (!may_use_tls(settings))
        return;
    refuse_given_up_verification(settings);
    refuse_missing_other(settings);
    refuse_unreadable_files(settings);
}

std::uint64_t size_of_named_files(const std::vector<Setting>& settings) noexcept {
    std::uint64_t size = 0;
    if (!may_use_tls(settings))
        return size;
    for (const std::string_view key : file_keys)
        if (const Setting* const setting = counting(settings, key)) {
            struct stat status {};
            if (::stat(setting->value.c_str(), &status) == 0 && S_ISREG(status.st_mode))
                size += static_cast<std::uint64_t>(status.st_size);
        }
    return size;
}

} // namespace checkpg
