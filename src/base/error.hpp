#pragma once

#include "base/exit_code.hpp"
#include "base/printable.hpp"

#include <stdexcept>
#include <string>

namespace checkpg {

/// A set-up error: bad arguments, a bad configuration file, a bug. Thrown before any server is
/// asked and caught once per program; what() is one line, lower case, no final stop, and as
/// printable and short as a line may be, whatever it quotes.
class Error : public std::runtime_error {
public:
    Error(ExitCode code, const std::string& message)
        : std::runtime_error{printable_line(message, {})}, code_{code} {}

    ExitCode code() const noexcept { return code_; }

private:
    ExitCode code_;
};

/// The caller's words are wrong (64).
inline Error usage_error(const std::string& message) { return {ExitCode::usage, message}; }

/// The configuration is wrong (78).
inline Error configuration_error(const std::string& message) {
    return {ExitCode::configuration, message};
}

} // namespace checkpg
