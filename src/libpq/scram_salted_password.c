/*
 * libpq derives the SCRAM key by setting up a keyed HMAC anew for each of the 4,096 iterations;
 * OpenSSL's PBKDF2 is the same computation (RFC 5802 section 2.2: Hi() is PBKDF2 with HMAC) and
 * keeps the keyed state. The static executables are linked with --wrap=scram_SaltedPassword, so
 * that libpq calls this instead. Same iterations, same result, half the instructions.
 *
 * The last key is kept: all servers of a cluster have the same role with the same salt, so a
 * primary and its peers cost one computation. The process ends with the check, and libpq holds
 * the password as long. Only one thread connects.
 *
 * The signature is that of src/include/common/scram-common.h, which is not installed: PostgreSQL
 * 15 added the error, 16 the hash type and the key's length. The linker compares no signatures, so
 * a major version that nobody has compared is refused here.
 */
#include <openssl/evp.h>

#include <pg_config.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { longest_key = EVP_MAX_MD_SIZE };

static struct {
    char* password; /* null: nothing is kept */
    char* salt;
    int salt_length;
    int iterations;
    int key_length;
    uint8_t key[longest_key];
} last;

static int is_last(const char* password, const char* salt, int salt_length, int iterations,
                   int key_length) {
    return last.password != NULL && strcmp(last.password, password) == 0 &&
           last.salt_length == salt_length && memcmp(last.salt, salt, (size_t)salt_length) == 0 &&
           last.iterations == iterations && last.key_length == key_length;
}

/*
 * What a server asks for is computed before it has shown that it knows the password, and within one
 * call of libpq's: an absurd number would take the time of all other servers, too. PostgreSQL's
 * default is 4,096 (scram_iterations, since 16). What more costs, each log-in pays: 100,000 take
 * 25 ms on a processor with SHA instructions, several times that on one without.
 */
enum { most_iterations = 100000 };

/* Short of memory nothing is kept, which costs time only. */
static void keep(const char* password, const char* salt, int salt_length, int iterations,
                 const uint8_t* key, int key_length) {
    free(last.password);
    free(last.salt);
    last.password = NULL;
    last.salt = malloc((size_t)salt_length + 1);
    if (last.salt == NULL || key_length > longest_key)
        return;
    memcpy(last.salt, salt, (size_t)salt_length);
    memcpy(last.key, key, (size_t)key_length);
    last.salt_length = salt_length;
    last.iterations = iterations;
    last.key_length = key_length;
    last.password = strdup(password);
}

static int salted_password(const char* password, const char* salt, int salt_length, int iterations,
                           uint8_t* key, int key_length, const char** error) {
    if (iterations > most_iterations) {
        *error = "the server asks for more than 100000 iterations of SCRAM";
        return -1;
    }
    if (is_last(password, salt, salt_length, iterations, key_length)) {
        memcpy(key, last.key, (size_t)key_length);
        return 0;
    }
    if (PKCS5_PBKDF2_HMAC(password, -1, (const unsigned char*)salt, salt_length, iterations,
                          EVP_sha256(), key_length, key) != 1) {
        *error = "OpenSSL could not derive the key";
        return -1;
    }
    keep(password, salt, salt_length, iterations, key, key_length);
    return 0;
}

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 190000
#error "compare scram_SaltedPassword() in this PostgreSQL's scram-common.h with the one below"
#endif

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker's name for it, by --wrap */
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
/* NOLINTEND(bugprone-reserved-identifier) */
