#pragma once

#include "check/settings.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>

namespace checkpg {

/// All that a connection to this server depends on: the program's version, every setting, the
/// identity and time of each file it reads, of its UNIX socket and of checkpg.conf. Whoever has the
/// same may use the same connection. No secret is in it: a password stands for the file that it is
/// in. Nothing if the connection can't be shared: its server's name must be looked up each time, or
/// a secret of it is in the environment.
std::optional<std::string> connection_subject(const Settings& settings,
                                              const std::vector<Setting>& server);

/// The abstract socket (unix(7)) on which a keeper of this user's for this subject listens: one
/// that needs no file, in a chroot neither. Two subjects may have one; the request tells them
/// apart.
struct KeeperSocket {
    sockaddr_un address{};
    socklen_t size = 0;

    explicit KeeperSocket(std::string_view subject);
};

/// Whether the other end of a UNIX socket was opened by this very user.
bool is_our_user(int socket) noexcept;

} // namespace checkpg
