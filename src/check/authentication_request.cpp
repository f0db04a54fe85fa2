#include "check/authentication_request.hpp"

namespace checkpg {

namespace {

constexpr std::uint32_t ok = 0;
constexpr std::uint32_t sasl_continue = 11;

/// The length in a message counts all but its type.
constexpr std::uint32_t smallest_length = AuthenticationRequest::header_size - 1;
constexpr std::uint32_t largest_length = 2000; // what libpq accepts

std::uint32_t big_endian(std::span<const unsigned char, 4> bytes) noexcept {
    return (std::uint32_t{bytes[0]} << 24) | (std::uint32_t{bytes[1]} << 16) |
           (std::uint32_t{bytes[2]} << 8) | std::uint32_t{bytes[3]};
}

} // namespace

std::optional<AuthenticationRequest>
AuthenticationRequest::read(std::span<const unsigned char> bytes) noexcept {
    if (bytes.size() < header_size || bytes[0] != 'R')
        return {};
    const auto length = big_endian(bytes.subspan<1, 4>());
    if (length < smallest_length || length > largest_length)
        return {};
    return AuthenticationRequest{big_endian(bytes.subspan<5, 4>())};
}

bool AuthenticationRequest::is_ok() const noexcept { return code_ == ok; }

bool AuthenticationRequest::continues_sasl() const noexcept { return code_ == sasl_continue; }

std::string_view AuthenticationRequest::name() const noexcept {
    switch (code_) {
    case ok:
        return "none asked for";
    case 2:
        return "Kerberos 5";
    case 3:
        return "password";
    case 5:
        return "md5";
    case 7:
        return "GSSAPI";
    case 9:
        return "SSPI";
    case 10:
        return "SASL (SCRAM-SHA-256)";
    default:
        return "unknown";
    }
}

} // namespace checkpg
