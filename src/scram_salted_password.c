/*
 * libpq derives the SCRAM key by setting up a keyed HMAC anew for each of the 4,096 iterations;
 * OpenSSL's PBKDF2 is the same computation (RFC 5802 section 2.2: Hi() is PBKDF2 with HMAC) and
 * keeps the keyed state. The static executables are linked with --wrap=scram_SaltedPassword, so
 * that libpq calls this instead. Same iterations, same result, half the instructions.
 *
 * The signature is that of src/include/common/scram-common.h, which is not installed: PostgreSQL
 * 16 added the hash type and the key's length.
 */
#include <openssl/evp.h>

#include <pg_config.h>
#include <stdint.h>

static int salted_password(const char* password, const char* salt, int salt_length, int iterations,
                           uint8_t* result, int key_length, const char** error) {
    if (PKCS5_PBKDF2_HMAC(password, -1, (const unsigned char*)salt, salt_length, iterations,
                          EVP_sha256(), key_length, result) == 1)
        return 0;
    *error = "OpenSSL could not derive the key";
    return -1;
}

#if PG_VERSION_NUM >= 160000
int __wrap_scram_SaltedPassword(const char* password, int hash_type, int key_length,
                                const char* salt, int salt_length, int iterations, uint8_t* result,
                                const char** error);
int __wrap_scram_SaltedPassword(const char* password, int hash_type, int key_length,
                                const char* salt, int salt_length, int iterations, uint8_t* result,
                                const char** error) {
    (void)hash_type; /* SHA-256 is the only one that SCRAM has in PostgreSQL */
    return salted_password(password, salt, salt_length, iterations, result, key_length, error);
}
#else
int __wrap_scram_SaltedPassword(const char* password, const char* salt, int salt_length,
                                int iterations, uint8_t* result, const char** error);
int __wrap_scram_SaltedPassword(const char* password, const char* salt, int salt_length,
                                int iterations, uint8_t* result, const char** error) {
    enum { sha256_length = 32 };
    return salted_password(password, salt, salt_length, iterations, result, sha256_length, error);
}
#endif
