#include "tls_handshake.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <utility>

namespace checkpg {

namespace {

TlsEnd last_end = TlsEnd::none;

TlsEnd end_of(const SSL* connection) noexcept {
    if (SSL_get_state(connection) == TLS_ST_BEFORE)
        return TlsEnd::not_started;
    if (SSL_get_verify_result(connection) != X509_V_OK)
        return TlsEnd::refused_by_us;
    if ((SSL_get_shutdown(connection) & SSL_RECEIVED_SHUTDOWN) != 0)
        return TlsEnd::refused_by_server;
    // After a good handshake libpq itself compares the name in the certificate with `host`.
    return SSL_is_init_finished(connection) != 0 ? TlsEnd::refused_by_us : TlsEnd::broken;
}

/// CRYPTO_EX_free: called by SSL_free() with the object still whole.
void record_end(void* parent, void*, CRYPTO_EX_DATA*, int, long, void*) {
    last_end = end_of(static_cast<const SSL*>(parent));
}

} // namespace

void observe_tls() {
    static const int index =
        CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL, 0, nullptr, nullptr, nullptr, record_end);
    static_cast<void>(index);
    last_end = TlsEnd::none;
}

TlsEnd take_tls_end() noexcept { return std::exchange(last_end, TlsEnd::none); }

TlsGlimpse peek_tls(SSL* connection, unsigned char* bytes, std::size_t size) {
    TlsGlimpse glimpse;
    const int got = SSL_peek_ex(connection, bytes, size, &glimpse.length);
    if (got != 1) {
        glimpse.length = 0;
        const auto error = ERR_peek_error();
        const bool alert = ERR_GET_LIB(error) == ERR_LIB_SSL &&
                           ERR_GET_REASON(error) > SSL_AD_REASON_OFFSET; // ssl.h: "alert" + number
        if (SSL_get_error(connection, got) == SSL_ERROR_SSL && alert) {
            const char* const reason = ERR_reason_error_string(error);
            glimpse.refusal = reason == nullptr ? "unknown alert" : reason;
        }
    }
    ERR_clear_error(); // libpq looks at what it reads itself
    return glimpse;
}

} // namespace checkpg
