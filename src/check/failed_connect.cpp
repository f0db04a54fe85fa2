#include "check/failed_connect.hpp"

#include "check/libpq_handle.hpp"
#include "check/memory.hpp"

#include <libpq-fe.h>

#include <cerrno>
#include <cstring>
#include <sys/socket.h>

namespace checkpg {

namespace {

/// How the other end has gone, seen without taking anything: 0 at the end of the file, the error
/// otherwise; nothing while it is there.
std::optional<int> end_of(int socket) noexcept {
    char byte = 0;
    const auto got = ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)))
        return std::nullopt;
    return got == 0 ? 0 : errno;
}

/// libpq keeps the error of a system call only as the C library's words for it, at the end of its
/// own: the same library's words in the same language are what they are compared with.
std::optional<int> error_in(std::string_view text) noexcept {
    constexpr int last_error = EHWPOISON;
    for (int error = 1; error <= last_error; ++error) {
        const std::string_view words = std::strerror(error);
        if (text.size() >= words.size() && text.substr(text.size() - words.size()) == words)
            return error;
    }
    return std::nullopt;
}

/// A server that can't fork repeats its own error, without an SQLSTATE.
std::optional<int> error_of(PGconn* connection, const LookAhead& seen, std::string_view text) {
    const auto error = seen.says_error() ? std::nullopt : error_in(text);
    const int socket = PQsocket(connection);
    if (error ||
        socket == -1) // libpq closes it at its end and in some errors, and then has no error
        return error.value_or(0);
    return end_of(socket);
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

/// libpq 17 looks at requirepeer while it connects, and closes a socket that is another's.
bool fails_by_requirepeer(std::vector<Setting> settings) {
    if (value_of(settings, "requirepeer").empty())
        return false;
    set_value(settings, "requirepeer", "");
    return PQstatus(start_connecting(settings).get()) != CONNECTION_BAD;
}

ExitCode code_of_failed_tls(PGconn* connection, const Breakdown& breakdown) {
    if (breakdown.tls_reply == 'N') // and sslmode demands TLS
        return ExitCode::access_denied;
    const bool lost_before_handshake = PQsocket(connection) == -1; // libpq closed it
    if (breakdown.tls_reply != 'S' || lost_before_handshake)
        return ExitCode::unexpected_answer;
    switch (breakdown.tls) {
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
    if (fails_anywhere(settings, message))
        return ExitCode::configuration;
    return fails_by_requirepeer(settings) ? ExitCode::access_denied : ExitCode::unreachable;
}

Breakdown breakdown_of(PGconn* connection, int status, const LookAhead& seen,
                       const ErrorText& message) {
    Breakdown breakdown;
    breakdown.sqlstate = message.sqlstate;
    breakdown.connected = seen.connected();
    breakdown.error =
        seen.connected() ? error_of(connection, seen, message.text) : error_in(message.text);
    breakdown.short_of_memory = is_short_of_memory();
    breakdown.status = status;
    breakdown.tls_reply = seen.tls_reply();
    breakdown.tls = take_tls_end();
    if (breakdown.tls == TlsEnd::none && PQsslStruct(connection, "OpenSSL") != nullptr)
        breakdown.tls = TlsEnd::broken; // something was injected before the handshake
    return breakdown;
}

ExitCode code_of_failed_connect(PGconn* connection, const Breakdown& breakdown,
                                const LookAhead& seen) {
    const int socket = PQsocket(connection);
    const bool gave_up_by_itself = socket != -1 && !end_of(socket);
    switch (breakdown.status) {
    case CONNECTION_STARTED:
        return ExitCode::unreachable;
    case CONNECTION_SSL_STARTUP:
        return code_of_failed_tls(connection, breakdown);
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
