#include "check/look_ahead.hpp"

#include "check/authentication_request.hpp"
#include "check/tls_handshake.hpp"

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

} // namespace

LookAhead::LookAhead(const std::vector<Setting>& settings)
    : authentication_required_{!value_of(settings, "require_auth").empty()},
      key_has_password_{!value_of(settings, "sslpassword").empty()} {
    if (value_of(settings, "sslnegotiation") == "direct")
        expect_tls(); // libpq 17: without a request that could be refused
}

void LookAhead::look(PGconn* connection) {
    const ConnStatusType status = PQstatus(connection);
    auto* const tls = static_cast<ssl_st*>(PQsslStruct(connection, "OpenSSL"));
    if (status == CONNECTION_SSL_STARTUP && tls == nullptr)
        look_at_tls_reply(PQsocket(connection));
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
