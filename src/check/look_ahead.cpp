#include "check/look_ahead.hpp"

#include "check/authentication_request.hpp"
#include "check/tls_handshake.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <array>
#include <sys/socket.h>
#include <utility>

namespace checkpg {

namespace {

using Header = std::array<unsigned char, AuthenticationRequest::header_size>;

/// Copies up to `size` of the bytes that wait on the socket. How many: 0 if there are none, or it
/// is lost.
std::size_t peek(int socket, unsigned char* bytes, std::size_t size) noexcept {
    const auto got = ::recv(socket, bytes, size, MSG_PEEK | MSG_DONTWAIT);
    return got > 0 ? static_cast<std::size_t>(got) : 0;
}

bool has_other_end(int socket) noexcept {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    return ::getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0;
}

} // namespace

LookAhead::LookAhead(const std::vector<Setting>& settings)
    : authentication_required_{!value_of(settings, "require_auth").empty()},
      key_has_password_{!value_of(settings, "sslpassword").empty()},
      root_certificate_{value_of(settings, "sslrootcert")}, revocation_list_{
                                                                value_of(settings, "sslcrl")} {
    if (revocation_list_.empty())
        revocation_list_ = value_of(settings, "sslcrldir");
    if (value_of(settings, "sslnegotiation") == "direct")
        expect_tls(); // libpq 17: without a request that could be refused
}

void LookAhead::look(PGconn* connection) {
    const ConnStatusType status = PQstatus(connection);
    auto* const tls = static_cast<ssl_st*>(PQsslStruct(connection, "OpenSSL"));
    connected_ = connected_ || has_other_end(PQsocket(connection));
    if (status == CONNECTION_SSL_STARTUP && tls == nullptr)
        look_at_tls_reply(PQsocket(connection));
    else if (status == CONNECTION_MADE && tls != nullptr)
        look_at_verification(tls);
    else if (status == CONNECTION_AWAITING_RESPONSE && tls != nullptr)
        look_at_message(tls);
    else if (status == CONNECTION_AWAITING_RESPONSE)
        look_at_message(PQsocket(connection));
    take_tls_end(); // forgets other connections' ends: the next is this one's
}

void LookAhead::look_at_tls_reply(int socket) {
    unsigned char reply = 0;
    tls_reply_ = peek(socket, &reply, 1) == 1 ? static_cast<char>(reply) : '\0';
    if (tls_reply_ == 'S')
        expect_tls();
}

void LookAhead::expect_tls() {
    tls_reply_ = 'S';
    prepare_openssl(key_has_password_);
    observe_tls();
}

/// libpq goes on without a root certificate that is not there (any more), and without a revocation
/// list that it can't load, be it for want of memory.
void LookAhead::look_at_verification(const ssl_st* tls) {
    const TlsVerification done = verification(tls);
    if (!root_certificate_.empty() && !done.by_root_certificate)
        unverified_ = fmt::format("sslrootcert '{}' can't be loaded", root_certificate_);
    else if (!revocation_list_.empty() && !done.by_revocation_list)
        unverified_ =
            fmt::format("sslcrl '{}' can't be loaded: it is no revocation list, or memory "
                        "is short",
                        revocation_list_);
}

void LookAhead::look_at_message(int socket) {
    Header bytes{};
    const std::size_t length = peek(socket, bytes.data(), bytes.size());
    look_at_message(std::span{bytes}.first(length));
}

void LookAhead::look_at_message(ssl_st* tls) {
    Header bytes{};
    TlsGlimpse glimpse = peek_tls(tls, bytes.data(), bytes.size());
    tls_refusal_ = std::move(glimpse.refusal);
    look_at_message(std::span{bytes}.first(glimpse.length));
}

void LookAhead::look_at_message(std::span<const unsigned char> bytes) {
    if (bytes.empty())
        return;
    may_refuse_ = false;
    says_error_ = bytes.front() == 'E';
    const auto request = AuthenticationRequest::read(bytes);
    if (!request)
        return; // if only part of it is there, libpq waits for the rest, and so do we
    may_refuse_ = !request->continues_sasl() && (!request->is_ok() || authentication_required_);
    if (!request->is_ok())
        prepare_openssl(key_has_password_); // passwords are hashed with it
    if (authentication_.empty())
        authentication_ = request->name();
}

} // namespace checkpg
