#include "check/tls_handshake.hpp"

#include "check/memory.hpp"

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

/// OpenSSL 3 fetches TLS's ciphers from its providers, and yet it lists at its start all that older
/// programs may ask for by name: 2.5 million instructions. Here only a key in the old encrypted PEM
/// form is looked up so. A shared OpenSSL may have engines that use the list: it is left alone.
void prepare_openssl([[maybe_unused]] bool key_has_password) noexcept {
    watch_openssl_memory();
#if defined(CHECKPG_STATIC) && OPENSSL_VERSION_NUMBER >= 0x30000000L
    if (!key_has_password)
        OPENSSL_init_crypto(OPENSSL_INIT_NO_ADD_ALL_CIPHERS, nullptr);
#endif
}

TlsEnd take_tls_end() noexcept { return std::exchange(last_end, TlsEnd::none); }

TlsGlimpse peek_tls(SSL* connection, unsigned char* bytes, std::size_t size) {
    TlsGlimpse glimpse;
    ERR_clear_error(); // what other connections left there is not this one's
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

TlsVerification verification(const SSL* connection) noexcept {
    X509_STORE* const store = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(connection));
    const auto flags = X509_VERIFY_PARAM_get_flags(X509_STORE_get0_param(store));
    return {(SSL_get_verify_mode(connection) & SSL_VERIFY_PEER) != 0,
            (flags & X509_V_FLAG_CRL_CHECK) != 0};
}

} // namespace checkpg
