#include "check/connection_subject.hpp"

#include "base/file_identity.hpp"
#include "base/version.hpp"
#include "check/look_up.hpp"
#include "check/target.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <sys/socket.h>
#include <unistd.h>

namespace checkpg {

namespace {

/// libpq's keywords whose values are files that a connection reads.
constexpr std::array<std::string_view, 6> file_keys{"passfile", "sslcert",   "sslkey",
                                                    "sslcrl",   "sslcrldir", "sslrootcert"};

bool names_a_file(std::string_view key) noexcept {
    return std::find(file_keys.begin(), file_keys.end(), key) != file_keys.end();
}

/// Of the UNIX socket that leads to the server, empty if another way does: a path is another file
/// in another jail, and two of HAProxy's may share one network and one user.
std::string socket_identity(const std::vector<Setting>& server) {
    const auto directory = value_of(server, "host");
    if (!is_socket_directory(directory))
        return {};
    return file_identity(fmt::format("{}/.s.PGSQL.{}", directory, value_of(server, "port")));
}

/// FNV-1a of 64 bits (RFC 9923).
std::uint64_t digest(std::string_view text) noexcept {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char c : text)
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return hash;
}

} // namespace

std::optional<std::string> connection_subject(const Settings& settings,
                                              const std::vector<Setting>& server) {
    if (settings.has_secret_outside_file || needs_look_up(server))
        return std::nullopt;
    std::vector<std::string> lines{fmt::format("checkpg {}, libpq {}, OpenSSL {}, {}", version,
                                               PQlibVersion(), OpenSSL_version_num(),
                                               settings.keep.count()),
                                   settings.file_identity, socket_identity(server)};
    for (const Setting& setting : server) {
        if (setting.value.empty())
            continue;
        const bool secret = std::find(settings.secrets.begin(), settings.secrets.end(),
                                      setting.key) != settings.secrets.end();
        lines.push_back(fmt::format("{}={}", setting.key, secret ? setting.origin : setting.value));
        if (names_a_file(setting.key))
            lines.back() += fmt::format(" {}", file_identity(setting.value));
    }
    std::sort(lines.begin(), lines.end());
    std::string subject;
    for (const std::string& line : lines)
        subject.append(line) += '\0';
    return subject;
}

/// An abstract name begins with a NUL byte and is as long as the address says.
KeeperSocket::KeeperSocket(std::string_view subject) {
    address.sun_family = AF_UNIX;
    const auto end = fmt::format_to_n(address.sun_path + 1, sizeof address.sun_path - 1,
                                      "checkpg-{}-{:016x}", ::geteuid(), digest(subject))
                         .out;
    size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) +
                                  static_cast<std::size_t>(end - address.sun_path));
}

bool is_our_user(int socket) noexcept {
    ucred other{};
    socklen_t size = sizeof other;
    return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &other, &size) == 0 &&
           other.uid == ::geteuid();
}

} // namespace checkpg
