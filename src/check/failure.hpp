#pragma once

#include "base/exit_code.hpp"

#include <string>

namespace checkpg {

/// Why a server gave no answer.
struct Failure {
    ExitCode code = ExitCode::internal;
    std::string sqlstate; ///< the server's, empty if it gave none
    std::string text;     ///< one line, fit to print, no secret in it
};

} // namespace checkpg
