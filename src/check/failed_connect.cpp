#include "check/failed_connect.hpp"

#include "check/libpq_handle.hpp"
#include "check/tls_handshake.hpp"

#include <libpq-fe.h>

#include <cerrno>
#include <sys/socket.h>

namespace checkpg {

namespace {

/// Whether the other end has gone, seen without taking anything.
bool is_lost(int socket) noexcept {
    char byte = 0;
    const auto got = ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
}

/// A failure that is the same wherever one connects to lies in the settings, such as an sslmode
/// that doesn't exist. libpq tells that apart from a refused connection only in words.
bool fails_anywhere(const std::vector<Setting>& settings, std::string_view message) {
    auto elsewhere = settings;
    for (Setting& setting : elsewhere)
        if (setting.key == "host")
            setting.value = "/dev/null"; // no directory: no socket can be in it
        else if (setting.key == "hostaddr")
            setting.value.clear();
    return message == PQerrorMessage(start_connecting(elsewhere).get());
}

ExitCode code_of_failed_tls(PGconn* connection, const LookAhead& seen) {
    if (seen.tls_reply() == 'N') // and sslmode demands TLS
        return ExitCode::access_denied;
    const bool lost_before_handshake = PQsocket(connection) == -1; // libpq closed it
    if (seen.tls_reply() != 'S' || lost_before_handshake)
        return ExitCode::unexpected_answer;
    if (PQsslStruct(connection, "OpenSSL") != nullptr)
        return ExitCode::unexpected_answer; // something was injected before the handshake
    switch (take_tls_end()) {
    case TlsEnd::none: // libpq reads our files only now, before it sends anything
    case TlsEnd::not_started:
        return ExitCode::configuration;
    case TlsEnd::refused_by_us:
    case TlsEnd::refused_by_server:
        return ExitCode::access_denied;
    default:
        return ExitCode::unexpected_answer;
    }
}

} // namespace

ExitCode code_of_failed_start(const std::vector<Setting>& settings, std::string_view message) {
    return fails_anywhere(settings, message) ? ExitCode::configuration : ExitCode::unreachable;
}

ExitCode code_of_failed_connect(PGconn* connection, int status, const LookAhead& seen) {
    const int socket = PQsocket(connection);
    const bool gave_up_by_itself = socket != -1 && !is_lost(socket);
    switch (status) {
    case CONNECTION_STARTED:
        return ExitCode::unreachable;
    case CONNECTION_SSL_STARTUP:
        return code_of_failed_tls(connection, seen);
    case CONNECTION_MADE: // requirepeer, or GSSAPI encryption that we can't do
        return gave_up_by_itself ? ExitCode::access_denied : ExitCode::unexpected_answer;
    case CONNECTION_AWAITING_RESPONSE:
        return gave_up_by_itself && seen.may_refuse() ? ExitCode::access_denied
                                                      : ExitCode::unexpected_answer;
    default:
        return ExitCode::unexpected_answer;
    }
}

} // namespace checkpg
