#include "check/versions.hpp"

#include "base/version.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <openssl/crypto.h>

namespace checkpg {

std::string versions(std::string_view program) {
    const int libpq = PQlibVersion();
    return fmt::format("{} (checkpg) {}\nlibpq {}.{}\n{}\n", program, version, libpq / 10000,
                       libpq % 10000, OpenSSL_version(OPENSSL_VERSION));
}

} // namespace checkpg
