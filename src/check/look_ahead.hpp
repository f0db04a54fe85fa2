#pragma once

#include "check/settings.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

struct pg_conn;
struct ssl_st;

namespace checkpg {

/// What a server shows of itself while we connect. libpq's own decisions become visible only as
/// texts in words, so what decides between exit codes is looked at before libpq takes it in: the
/// reply to the request for TLS, and whether a message asks for authentication.
class LookAhead {
public:
    /// `settings` are what the connection was started with.
    explicit LookAhead(const std::vector<Setting>& settings);

    /// Looks at what has arrived and leaves it there. Call it each time before PQconnectPoll(3).
    void look(pg_conn* connection);

    /// The other side has accepted a connection.
    bool connected() const noexcept { return connected_; }

    /// To the request for TLS: 'S' (yes), 'N' (no), another byte or, if there is none, NUL.
    char tls_reply() const noexcept { return tls_reply_; }

    /// The server's TLS alert, empty if there is none: with TLS 1.3 our certificate is judged
    /// after the handshake.
    const std::string& tls_refusal() const noexcept { return tls_refusal_; }

    /// Why the server's certificate was not verified as configured, seen when the handshake has
    /// ended and nothing is said yet; empty if it was, or there is no TLS.
    const std::string& unverified() const noexcept { return unverified_; }

    /// The log-in that the server first asked for, empty if it hasn't asked yet.
    std::string_view authentication() const noexcept { return authentication_; }

    /// The last message wants a log-in that we may not be able or willing to do. If libpq gives
    /// up at any other one, the message itself was wrong.
    bool may_refuse() const noexcept { return may_refuse_; }

    /// The last message is an error of the server's.
    bool says_error() const noexcept { return says_error_; }

private:
    void look_at_tls_reply(int socket);
    void look_at_message(int socket);
    void look_at_message(ssl_st* tls);
    void look_at_message(std::span<const unsigned char> bytes);
    void expect_tls();
    void look_at_verification(const ssl_st* tls);

    bool authentication_required_; ///< require_auth is set (libpq 16)
    bool key_has_password_;        ///< sslpassword is set
    bool connected_ = false;
    std::string root_certificate_; ///< sslrootcert
    std::string revocation_list_;  ///< sslcrl, else sslcrldir
    char tls_reply_ = '\0';
    std::string tls_refusal_;
    std::string unverified_;
    std::string_view authentication_;
    bool may_refuse_ = false;
    bool says_error_ = false;
};

} // namespace checkpg
