#pragma once

#include "exit_code.hpp"
#include "invocation.hpp"
#include "probe.hpp"

#include <string>

namespace checkpg {

/// The outcome of a check: the exit code and, in a few words, why.
struct Verdict {
    ExitCode code;
    std::string reason;
};

/// Judges a server's answer. Does no I/O and knows no clock: the same answer gives the same
/// verdict.
Verdict judge(Role wanted, const Answer& server);

} // namespace checkpg
