/*
 * OpenSSL puts the texts of all its errors, thousands of them, into a hash table before the first
 * handshake, whether one fails or not. The static executables are linked with --wrap= of the three
 * functions below, so that the table is made when libpq asks for the first text: it costs a check
 * over TLS instructions, and a keeper the memory, only where there is an error to tell.
 *
 * OPENSSL_init_crypto(3) and OPENSSL_init_ssl(3) do what their flags say once, whenever a flag
 * comes first: they may come later.
 */
#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include <stdbool.h>
#include <stdint.h>

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker's names for them, by --wrap */

int __real_OPENSSL_init_crypto(uint64_t what, const OPENSSL_INIT_SETTINGS* settings);
int __real_OPENSSL_init_ssl(uint64_t what, const OPENSSL_INIT_SETTINGS* settings);
const char* __real_ERR_reason_error_string(unsigned long error);

int __wrap_OPENSSL_init_crypto(uint64_t what, const OPENSSL_INIT_SETTINGS* settings);
int __wrap_OPENSSL_init_ssl(uint64_t what, const OPENSSL_INIT_SETTINGS* settings);
const char* __wrap_ERR_reason_error_string(unsigned long error);

static const uint64_t texts = OPENSSL_INIT_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_LOAD_SSL_STRINGS;

int __wrap_OPENSSL_init_crypto(uint64_t what, const OPENSSL_INIT_SETTINGS* settings) {
    return __real_OPENSSL_init_crypto(what & ~texts, settings);
}

int __wrap_OPENSSL_init_ssl(uint64_t what, const OPENSSL_INIT_SETTINGS* settings) {
    return __real_OPENSSL_init_ssl(what & ~texts, settings);
}

const char* __wrap_ERR_reason_error_string(unsigned long error) {
    static bool asked; /* OpenSSL asks itself while it loads; only one thread connects */
    if (!asked) {
        asked = true;
        __real_OPENSSL_init_ssl(texts, NULL);
        __real_OPENSSL_init_crypto(texts, NULL);
    }
    return __real_ERR_reason_error_string(error);
}

/* NOLINTEND(bugprone-reserved-identifier) */
