#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace checkpg {

/// What a server says of the log-in it wants: the fixed part of an AuthenticationRequest (manual,
/// section 55.7).
class AuthenticationRequest {
public:
    /// Message type, length and code: as much as must be there to read one.
    static constexpr std::size_t header_size = 9;

    /// The request that these bytes begin with; nothing if they are another message, too few, or
    /// of a length that libpq refuses.
    static std::optional<AuthenticationRequest> read(std::span<const unsigned char> bytes) noexcept;

    /// The log-in is over, or none is wanted.
    bool is_ok() const noexcept;
    /// A later step of SCRAM: how to log in has been agreed on.
    bool continues_sasl() const noexcept;
    /// For people to read: "SASL (SCRAM-SHA-256)".
    std::string_view name() const noexcept;

private:
    explicit AuthenticationRequest(std::uint32_t code) noexcept : code_{code} {}

    std::uint32_t code_;
};

} // namespace checkpg
