#pragma once

#include <cstddef>
#include <string>

struct ssl_st;

namespace checkpg {

/// How a TLS connection that libpq gave up ended.
enum class TlsEnd {
    none,          ///< no connection was made and given up: certificate or key files are missing
    not_started,   ///< given up before the handshake: the client certificate or key can't be used
    refused_by_us, ///< the server's certificate didn't verify, or is not for this name
    refused_by_server, ///< the server sent an alert: it wants another certificate or protocol
    broken,            ///< what came was not TLS, or the connection was lost
};

/// Records how TLS connections of this process end, from now on. libpq frees a connection's SSL
/// object before it reports a failure, and reports it as a text in words; OpenSSL, however, calls
/// us back on SSL_free(3). Costs nothing in a process that never calls it.
void observe_tls();

/// Makes OpenSSL's start cheap. To be called before libpq first uses it, for TLS or a password;
/// only a client key with a password may need all of OpenSSL's ciphers by name.
void prepare_openssl(bool key_has_password) noexcept;

/// The end of the last TLS connection since the last call.
TlsEnd take_tls_end() noexcept;

/// What waits on a TLS connection.
struct TlsGlimpse {
    std::size_t length = 0; ///< of the decrypted bytes; 0 if there are none (yet)
    std::string refusal;    ///< OpenSSL's words for the alert that the server sent instead
};

/// Looks at up to `size` decrypted bytes without taking them. An alert, however, is taken: libpq
/// will then see a closed connection only.
TlsGlimpse peek_tls(ssl_st* connection, unsigned char* bytes, std::size_t size);

/// What OpenSSL was told to do with the server's certificate.
struct TlsVerification {
    bool by_root_certificate;
    bool by_revocation_list;
};

/// How the certificate was verified on a connection whose handshake has ended.
TlsVerification verification(const ssl_st* connection) noexcept;

} // namespace checkpg
