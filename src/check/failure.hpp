#pragma once

#include "base/exit_code.hpp"

#include <string>

namespace checkpg {

/// What the other side has shown of itself where asking it came to no answer; what says less stands
/// first. The exit code says what people should look at, this says what is known: objection.hpp.
enum class Sign {
    none,    ///< nothing: it could not be asked, or could not be heard
    no_time, ///< nothing yet: it had less than its time
    silence, ///< it had all its time, and we listened all that time
    refused, ///< the network, its host or the server itself said no
    closed,  ///< it was there, and ended the conversation
    absurd,  ///< it was there, and what it said is no answer of PostgreSQL
};

/// Why a server gave no answer.
struct Failure {
    ExitCode code = ExitCode::internal;
    std::string sqlstate; ///< the server's, empty if it gave none
    std::string text;     ///< one line, fit to print, no secret in it
    Sign sign = Sign::none;
};

} // namespace checkpg
